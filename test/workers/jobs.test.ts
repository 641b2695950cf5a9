import { describe, expect, it } from 'vitest';

import { parseSiteUri } from '../../src/sites/site-uri.js';
import { noContext } from '../../src/sites/request.js';
import { runJob, ultimateJobsJob } from '../../src/workers/jobs.js';

const place = { root: '/site', env: {}, umask: '0022', logs: '/logs', logLimit: 1_000 };
const uri = parseSiteUri('http://site.test/folder');

describe('jobs of workers', () => {
  it('asks Ultimate Cron 2.x for its jobs as cron.php would, and 1.x as a page', () => {
    const self = (version: 1 | 2) => ultimateJobsJob(place, uri, 'x', { version }).server['PHP_SELF'];
    expect([self(1), self(2)]).toEqual(['/folder/index.php', '/folder/cron.php']);
  });

  it('tells a worker that has to pass a gate, and no other', () => {
    const run = { id: 'x', handle: 'uc:a', token: 't', callback: '_ultimate_cron_run_hook', context: noContext };
    expect(runJob(place, uri, { ...run, retryOn: [], gate: true })).toMatchObject({
      gate: true,
      callback: run.callback,
    });
    expect(runJob(place, uri, { ...run, retryOn: [], gate: false })).not.toHaveProperty('gate');
    expect(runJob(place, uri, { ...run, retryOn: [] })).not.toHaveProperty('gate');
  });
});
