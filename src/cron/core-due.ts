/** What the variables of a site say about its own cron. Times are seconds since 1970. */
export interface CoreCronState {
  /** When cron ran last; undefined: never. */
  readonly last: number | undefined;
  /** When it really ran last, where `last` has only been moved to keep the pages from running it. */
  readonly ran?: number | undefined;
  /** Seconds between two runs by drupald.yml; undefined: as the site has it. */
  readonly cadence?: number | undefined;
  /** Seconds between two runs; 0: pages never start one. */
  readonly threshold: number;
  /** Seconds that the lock `cron` is taken for. */
  readonly lockTimeout: number;
  readonly maintenance: boolean;
  /** Whether the site is installed. */
  readonly installed: boolean;
}

/** Names of the variables in which it stands. */
export const cronVariables = [
  'cron_last',
  'cron_safe_threshold',
  'cron_lock_expiration_timeout',
  'maintenance_mode',
  'install_task',
] as const;

/** Seconds that clocks of several machines may differ by. */
const tolerance = 60;

/**
 * Reads the state of a site's cron.
 *
 * @param stored rows of the table of variables
 * @param fixed what settings.php says instead
 */
export function coreCronState(
  stored: ReadonlyMap<string, unknown>,
  fixed: Readonly<Record<string, unknown>>,
): CoreCronState {
  const value = (name: (typeof cronVariables)[number]): unknown => (name in fixed ? fixed[name] : stored.get(name));
  const number = (name: (typeof cronVariables)[number]): number | undefined => {
    const raw = value(name);
    const parsed = typeof raw === 'number' ? raw : typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : NaN;
    return Number.isFinite(parsed) ? parsed : undefined;
  };
  const last = number('cron_last');
  return {
    last: last !== undefined && last > 0 ? last : undefined,
    threshold: Math.max(0, number('cron_safe_threshold') ?? (value('cron_safe_threshold') === undefined ? 10_800 : 0)),
    lockTimeout: number('cron_lock_expiration_timeout') ?? 900,
    maintenance: Boolean(value('maintenance_mode')) && value('maintenance_mode') !== '0',
    installed: value('install_task') === 'done',
  };
}

/**
 * How many seconds before the pages of a site would start cron it is started here.
 *
 * A tenth of the threshold: enough for a busy machine, and hardly more runs than before.
 */
export function coreCronLead(threshold: number): number {
  return Math.min(60, Math.max(1, threshold / 10));
}

/** When cron of a site is due (seconds since 1970), or why it is not. */
export function coreCronDue(state: CoreCronState, now: number): number | 'off' | 'maintenance' | 'not-installed' {
  if (!state.installed) return 'not-installed';
  if (intervalOf(state) === 0) return 'off';
  if (state.maintenance) return 'maintenance';
  const last = state.ran ?? state.last;
  // A run that is dated in the future would silence cron until then.
  if (last === undefined || last > now + tolerance) return now;
  return last + coreCronPeriod(state);
}

/** Seconds between two runs; 0: there are none. */
export function intervalOf({ cadence, threshold }: CoreCronState): number {
  return cadence ?? threshold;
}

/** Seconds from a run to the next one that is begun here: pages may not come first. */
export function coreCronPeriod({ cadence, threshold }: CoreCronState): number {
  return cadence ?? threshold - coreCronLead(threshold);
}

/** Whether the next page would start cron although it is not its time by drupald.yml. */
export function needsHold({ cadence, last, threshold }: CoreCronState, now: number): boolean {
  if (cadence === undefined || threshold === 0 || last === undefined) return false;
  return now >= last + threshold - coreCronLead(threshold);
}
