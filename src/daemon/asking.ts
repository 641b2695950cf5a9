import type { Config } from '../config/config.js';
import { backlogFindings } from '../doctor/backlog-findings.js';
import { jobFindings } from '../doctor/cron-findings.js';
import { examine, ownFindings } from '../doctor/examine.js';
import { settingFindings } from '../doctor/host-findings.js';
import { ControlServer } from '../http/control.js';
import { daemonStatus } from '../http/status.js';
import { listDaemons } from '../pool/list-daemons.js';
import { adoptCopies } from '../scheduler/adopt.js';
import { detach } from '../scheduler/detach.js';
import { endProcess, kill, retry } from '../scheduler/kill.js';
import { packageVersion } from '../support/package.js';
import type { Foundation } from './foundation.js';
import type { Rooms, Taking } from './taking.js';

/**
 * What the command line can ask.
 *
 * @param daemon when it has started (ISO 8601), and how far it is
 */
export function makeControl(
  config: Config,
  base: Foundation,
  taking: Taking,
  { queues, batches, clockwork }: Rooms,
  daemon: { readonly startedAt: string; readonly phase: () => string },
): ControlServer {
  const { bus, listen, state, sites, troubles, history } = base;
  const { scheduler, handBack, sweep, shared } = taking;
  const here = { ...config, listen };
  const { grace } = config.kill;
  return new ControlServer(state.dir, {
    status: () => {
      const about = { version: packageVersion, startedAt: daemon.startedAt, state: daemon.phase() };
      return daemonStatus(about, here, sites, scheduler, troubles.list, shared?.backlog.status);
    },
    daemons: () => listDaemons(sites),
    doctor: async () => [
      ...ownFindings(troubles.list),
      ...(shared ? await backlogFindings(shared.link) : []),
      ...jobFindings(clockwork.jobs()),
      ...(await examine(sites, here)),
      ...settingFindings(sites, config),
    ],
    detach: async (to) => ({
      ...(await detach(scheduler, handBack, bus, to, shared && (() => shared.ownStarts.takeBack()))),
    }),
    retry: (wish) => retry(scheduler, wish),
    kill: (wish) => kill(scheduler, bus, wish, grace, shared && ((one) => shared.ownStarts.claim(one))),
    adopt: async () => {
      const adopted = await adoptCopies(sites);
      await sweep.again();
      return adopted;
    },
    cron: clockwork,
    batches: {
      batches,
      bus,
      stop: (site, handle, cause) => endProcess(scheduler, bus, { site, handle, cause }, grace),
      timeout: config.worker.bootTimeout,
    },
    queues,
    runs: { sites, scheduler, history, keep: config.output.keep },
  });
}
