/** One job that runs at set times, as people see it. */
export interface CronJob {
  readonly site: string;
  readonly name: string;
  /** In words or as rules. */
  readonly rule: string;
  readonly zone: string;
  readonly state: 'waiting' | 'running' | 'off' | 'maintenance' | 'not installed' | 'unusable' | 'unknown';
  /** Seconds since 1970. */
  readonly last: number | null;
  readonly next: number | null;
  /** How the last run ended, as far as this daemon has seen it. */
  readonly outcome: string | null;
  /** Milliseconds that the last run of this daemon began after its time. */
  readonly lateMs: number | null;
  /** What it does now. */
  readonly step: string | null;
}
