import { openSync } from 'node:fs';

/** The first descriptor that a service manager hands over (sd_listen_fds(3)). */
const first = 3;

let descriptor: number | undefined;

/**
 * The listening socket that a service manager has handed to this very process, as
 * systemd does for a socket unit; undefined: none.
 *
 * The variables that tell of it are taken out of the environment: they are not for
 * our children.
 */
export function inheritedListener(env: NodeJS.ProcessEnv = process.env, pid = process.pid): number | undefined {
  if (env.LISTEN_PID === String(pid) && Number(env.LISTEN_FDS) >= 1) {
    descriptor = first;
  }
  delete env.LISTEN_PID;
  delete env.LISTEN_FDS;
  delete env.LISTEN_FDNAMES;
  return descriptor;
}

/**
 * What a program of ours gets as its fourth descriptor, so that it does not inherit
 * the socket: Node cannot mark that as ours alone.
 */
export function insteadOfListener(): number | undefined {
  return descriptor === undefined ? undefined : openSync('/dev/null', 'r');
}
