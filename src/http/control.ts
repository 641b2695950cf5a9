import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import Fastify, { type FastifyInstance } from 'fastify';

import { BaseComponent } from '../components/component.js';
import { DrupaldError } from '../errors.js';
import type { Killed, KillWish } from '../scheduler/kill.js';
import {
  CONTROL_SOCKET,
  CONTROL_TOKEN,
  killWish,
  type DaemonStatus,
  type Detached,
  type Finding,
  type SiteDaemons,
} from './control-client.js';
import type { BatchChangeTools } from '../batch/batch-change.js';
import type { Queues } from '../queues/queues.js';
import { addBatchRoutes } from './batch-routes.js';
import { addCronRoutes, type CronPorts } from './cron-routes.js';
import { addQueueRoutes } from './queue-routes.js';
import { siteNamed, type RunSources } from './run-lookup.js';
import { addRunRoutes } from './run-routes.js';

/** What the command line can ask. */
export interface ControlPorts {
  status(): DaemonStatus;
  /** The daemons of each site, as its database lists them. */
  daemons(): Promise<readonly SiteDaemons[]>;
  doctor(): Promise<readonly Finding[]>;
  /** Gives the backlog back to the sites. */
  detach(to: string | undefined): Promise<Detached>;
  /** Lets a process go that was set aside; names of its sites. @throws DrupaldError PROCESS_NOT_ASIDE */
  retry(wish: KillWish): readonly string[];
  /** Ends a process. @throws DrupaldError PROCESS_NOT_HERE, HANDLE_AMBIGUOUS */
  kill(wish: KillWish): Promise<Killed>;
  /** Makes copied databases this place's own; names of the sites. */
  adopt(): Promise<readonly string[]>;
  /** Jobs that run at set times. */
  readonly cron: CronPorts;
  /** Queues, and items that have failed. */
  readonly queues: Queues;
  /** Batches. */
  readonly batches: BatchChangeTools;
  /** Where runs are looked up. */
  readonly runs: RunSources;
}

/**
 * The control socket: HTTP on a Unix socket, with a token from a file that the
 * site's code has no reason to read (design decision 2).
 */
export class ControlServer extends BaseComponent {
  readonly name = 'control';
  readonly #dir: string;
  readonly #ports: ControlPorts;
  /** Ends answers that go on for as long as a run. */
  readonly #closing = new AbortController();
  #app: FastifyInstance | undefined;

  /** @param dir state directory */
  constructor(dir: string, ports: ControlPorts) {
    super();
    this.#dir = dir;
    this.#ports = ports;
  }

  protected override async onStart(): Promise<void> {
    const token = randomBytes(24).toString('hex');
    await writeFile(join(this.#dir, CONTROL_TOKEN), token, { mode: 0o600 });
    await chmod(join(this.#dir, CONTROL_TOKEN), 0o600);
    const app = Fastify({ logger: false });
    this.#app = app;
    app.addHook('onRequest', async (request, reply) => {
      if (!sameText(request.headers.authorization ?? '', `Bearer ${token}`)) {
        await reply.code(403).send({ error: 'the control token is wrong' });
      }
    });
    app.setErrorHandler(async (error, _request, reply) => {
      if (!(error instanceof DrupaldError)) {
        // The framework's own answer.
        throw error;
      }
      await reply
        .code(error.httpStatus ?? 500)
        .send({ code: error.code, error: error.message, details: error.details });
    });
    const siteName = (given: string | undefined): string | undefined => siteNamed(this.#ports.runs, given)?.name;
    addRunRoutes(app, this.#ports.runs, this.#closing.signal);
    addCronRoutes(app, this.#ports.cron, siteName);
    addQueueRoutes(app, this.#ports.queues);
    addBatchRoutes(app, this.#ports.batches, siteName);
    app.get('/v1/status', () => this.#ports.status());
    app.get('/v1/daemons', async () => ({ sites: await this.#ports.daemons() }));
    app.get('/v1/doctor', async () => ({ findings: await this.#ports.doctor() }));
    app.post<{ Body: { to?: string } | null }>('/v1/detach', (request) => this.#ports.detach(request.body?.to));
    app.post('/v1/adopt', async () => ({ adopted: await this.#ports.adopt() }));
    app.post<{ Body: unknown }>('/v1/retry', (request) => {
      const { handle, site } = killWish.parse(request.body);
      return { sites: this.#ports.retry({ handle, site: siteName(site) }) };
    });
    app.post<{ Body: unknown }>('/v1/kill', async (request) => {
      const { handle, site, reason } = killWish.parse(request.body);
      return this.#ports.kill({ handle, site: siteName(site), reason });
    });
    const socket = join(this.#dir, CONTROL_SOCKET);
    await unlink(socket).catch(() => undefined);
    await app.listen({ path: socket });
    await chmod(socket, 0o600);
  }

  protected override async onStop(): Promise<void> {
    this.#closing.abort();
    await this.#app?.close();
    await unlink(join(this.#dir, CONTROL_SOCKET)).catch(() => undefined);
    await unlink(join(this.#dir, CONTROL_TOKEN)).catch(() => undefined);
  }
}

function sameText(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
