/** What to do on the signals that end a program. */
export interface StopHandlers {
  /** First SIGTERM, SIGINT or SIGHUP: begin an orderly stop. */
  readonly onStop: (signal: NodeJS.Signals) => void;
  /** Any later one: the operator does not want to wait. */
  readonly onHurry: (signal: NodeJS.Signals) => void;
}

/** The part of `process` that is used; tests give another one. */
export type SignalSource = Pick<NodeJS.EventEmitter, 'on' | 'off'>;

/**
 * Listens to SIGTERM, SIGINT and SIGHUP (a terminal that was closed).
 *
 * @returns takes the listeners off again
 */
export function onStopSignals(handlers: StopHandlers, source: SignalSource = process): () => void {
  let seen = false;
  const listen = (signal: NodeJS.Signals): void => {
    const first = !seen;
    seen = true;
    if (first) handlers.onStop(signal);
    else handlers.onHurry(signal);
  };
  const names = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const name of names) source.on(name, listen);
  return () => {
    for (const name of names) source.off(name, listen);
  };
}
