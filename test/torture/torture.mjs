// Ends processes in every way, kills all that runs them, and accounts for each one.
// Usage: npm run torture -- [--minutes N] [--processes N] [--seed S] [--root DIR] [--stand-in]
//        npm run torture -- --queue [--items N] [--minutes N] [--seed S] [--root DIR]
import { parseArgs } from 'node:util';
import { translate } from '../harness/translate.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    processes: { type: 'string' },
    seed: { type: 'string' },
    root: { type: 'string' },
    'stand-in': { type: 'boolean', default: false },
    queue: { type: 'boolean', default: false },
    items: { type: 'string', default: '10000' },
  },
});
if (values.root !== undefined) process.env.DRUPALD_TEST_DRUPAL7 = values.root;
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const translated = await translate(['test/harness', 'test/bench', 'test/torture', 'src/demo']);
try {
  const { main, mainOfQueues } = await translated.load('test/torture/main.js');
  let well;
  if (values.queue) {
    const items = Number(values.items);
    // Fast enough that workers are busy most of the time.
    well = await mainOfQueues({ items, minutes: Number(values.minutes ?? items / 3_000), seed });
  } else {
    const minutes = Number(values.minutes ?? 10);
    const processes = Number(values.processes ?? Math.max(2_000, Math.round(minutes * 240)));
    well = await main({ minutes, processes, seed, standIn: values['stand-in'] });
  }
  process.exitCode = well ? 0 : 1;
} finally {
  await translated.remove();
}
