import type { Config } from '../config/config.js';
import { settingNames } from '../process/own-callback.js';
import { PatternFinder } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

/** What decides what comes first. */
export type PrioritySettings = {
  readonly [K in 'callbacks' | 'serviceHosts']: Pick<Config[K], 'priority'>;
};

/** What comes first of the starts that wait: higher numbers. By its callback, else by its service host, else 0. */
export function prioritiesBy({
  callbacks,
  serviceHosts,
}: PrioritySettings): (start: Pick<Dispatch, 'handle' | 'callback' | 'serviceHost'>) => number {
  const own = new PatternFinder(Object.keys(callbacks.priority));
  const hosts = new PatternFinder(Object.keys(serviceHosts.priority));
  return (start) =>
    callbacks.priority[own.find(...settingNames(start)) ?? ''] ??
    serviceHosts.priority[hosts.find(start.serviceHost) ?? ''] ??
    0;
}

/** Whether any start has another number than 0. */
export function hasPriorities({ callbacks, serviceHosts }: PrioritySettings): boolean {
  return [callbacks, serviceHosts].some(({ priority }) => Object.values(priority).some((number) => number !== 0));
}
