// Ends processes in every way, kills all that runs them, and accounts for each one.
// Usage: npm run torture -- [--minutes N] [--processes N] [--seed S] [--root DIR] [--stand-in]
import { parseArgs } from 'node:util';
import { translate } from '../harness/translate.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    processes: { type: 'string' },
    seed: { type: 'string' },
    root: { type: 'string' },
    'stand-in': { type: 'boolean', default: false },
  },
});
if (values.root !== undefined) process.env.DRUPALD_TEST_DRUPAL7 = values.root;
const minutes = Number(values.minutes);
const translated = await translate(['test/harness', 'test/bench', 'test/torture', 'src/demo']);
try {
  const { main } = await translated.load('test/torture/main.js');
  const well = await main({
    minutes,
    processes: Number(values.processes ?? Math.max(2_000, Math.round(minutes * 240))),
    seed: Number(values.seed ?? Date.now() % 1_000_000),
    standIn: values['stand-in'],
  });
  process.exitCode = well ? 0 : 1;
} finally {
  await translated.remove();
}
