import type { UltimateJob, UltimateJobs } from '../../src/workers/protocol.js';

/** A job of Ultimate Cron as a site tells it. */
export function ultimateJob(about: Partial<UltimateJob> = {}): UltimateJob {
  return {
    name: 'job',
    title: 'Job',
    disabled: false,
    launcher: 'serial',
    scheduler: 'crontab',
    rules: ['* * * * *'],
    catchUp: 86_400,
    due: null,
    skew: 0,
    last: 0,
    took: 0,
    open: '',
    lock: '',
    lockTimeout: 3_600,
    daemonize: false,
    unlimited: false,
    hosts: [],
    ...about,
  };
}

/** What a site tells of them all. */
export function ultimateJobs(jobs: UltimateJobs['jobs'], about: Partial<UltimateJobs> = {}): UltimateJobs {
  return {
    type: 'jobs',
    jobs,
    zone: 'UTC',
    stopped: false,
    maintenance: false,
    installed: true,
    threads: { serial: 1, background_process_legacy: 2 },
    locksHere: true,
    ...about,
  };
}
