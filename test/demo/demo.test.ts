import { chmod } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DemoRun, living, Stage } from './demo-run.js';

const uid = process.getuid?.() ?? 0;
const isRoot = uid === 0;

describe('the demo', () => {
  let stage: Stage;
  let clone: string;
  const runs: DemoRun[] = [];
  const start = (...args: ConstructorParameters<typeof DemoRun>): DemoRun => {
    const run = new DemoRun(...args);
    runs.push(run);
    return run;
  };

  beforeAll(async () => {
    stage = await Stage.open();
    // What the demo's programs need must reach them from a clone that only its owner may enter.
    clone = await stage.clone();
    await chmod(clone, 0o700);
  });

  afterEach(async () => {
    for (const run of runs.splice(0)) {
      run.kill('SIGTERM');
      await run.ended();
    }
  });

  afterAll(() => stage.close());

  it('stays up, lets no second one start, and leaves nothing behind after SIGINT', async () => {
    const first = start(stage, clone, []);
    await first.says('What to try now');
    expect(first.output, first.output).toContain('Every process ended as it should.');
    expect(first.output).toContain('refused by the site: the handle is taken');
    expect(first.output).not.toContain('\u001b');
    const started = await stage.started(uid);
    expect(started.length).toBeGreaterThan(12);
    const second = start(stage, clone, ['--once']);
    expect(await second.ended()).toBe(2);
    expect(second.output).toMatch(/^The demo runs already \(process \d+\)[^\n]*\n$/);
    first.kill('SIGINT');
    expect(await first.ended()).toBe(0);
    expect(await living(started)).toEqual([]);
    expect(stage.processes()).toEqual([]);
    expect(await stage.left()).toEqual([]);
  });

  it('starts after one that was killed, and after one whose npm was killed', async () => {
    const killed = start(stage, clone, []);
    await killed.says(' running ');
    const leftBehind = await stage.started(uid);
    killed.kill('SIGKILL');
    await killed.ended();
    expect(await living(leftBehind)).not.toEqual([]);

    const shell = ['sh', '-c', '"$@"; exit $?', 'sh'];
    const orphan = start(stage, clone, [], shell, { npm_lifecycle_event: 'start' });
    await orphan.says(' running ');
    expect(await living(leftBehind)).toEqual([]);
    const ofOrphan = await stage.started(uid);
    orphan.kill('SIGKILL');
    await orphan.ended();

    const next = start(stage, clone, ['--once']);
    expect(await next.ended(), next.output).toBe(0);
    expect(await living(ofOrphan)).toEqual([]);
    expect(stage.processes()).toEqual([]);
    expect(await stage.left()).toEqual([]);
  });

  it.skipIf(!isRoot)('runs as an ordinary user (skipped unless root can become one)', async () => {
    await chmod(clone, 0o755);
    const nobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--inh-caps=-all'];
    const run = start(stage, clone, ['--once'], nobody);
    expect(await run.ended(), run.output).toBe(0);
    expect(run.output).toContain('Every process ended as it should.');
    expect(stage.processes()).toEqual([]);
    expect(await stage.left()).toEqual([]);
  });
});
