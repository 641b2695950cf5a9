import type { StartIntake, StartSite } from '../intake/accept-start.js';
import type { HostMap } from '../sites/host-map.js';
import type { CoreTables } from '../store/core-tables.js';
import type { AppPorts } from './app.js';

/** What answers requests once the sites are open. */
export interface Intake<S extends StartSite> {
  readonly starts: StartIntake<S>;
  readonly hosts: HostMap<S>;
  /** Why no starts are taken; undefined: they are. */
  unreadiness(): string | undefined;
}

/**
 * The ports of the public application. The listener is there before the sites
 * are: requests wait until they are open.
 */
export function publicPorts<S extends StartSite & { readonly core: Pick<CoreTables, 'variable'> }>(
  open: Promise<Intake<S>>,
  serverStatus: AppPorts['serverStatus'],
): AppPorts {
  let intake: Intake<S> | undefined;
  open.then(
    (value) => {
      intake = value;
    },
    () => undefined,
  );
  return {
    serverStatus,
    accept: async (request) => (await open).starts.accept(request),
    checkToken: async (request) => {
      const { hosts } = await open;
      const host = request.headers.host;
      const entry = hosts.find({ host: Array.isArray(host) ? host[0] : host, basePath: '' });
      // Printed as the module does: a prober compares the beginning of the body.
      const token = await entry?.target.core.variable('background_process_token').catch(() => '');
      return entry === undefined ? undefined : typeof token === 'string' ? token : '';
    },
    readiness: () => {
      const reason = intake ? intake.unreadiness() : 'The sites are being opened.';
      return { ready: reason === undefined, reason: reason ?? 'Starts are taken.' };
    },
  };
}
