// Measures drupald beside Apache with mod_php on one site and one database.
// Usage: npm run bench -- [--root DIR] [--only NAME,NAME] [--rounds N] [--write]
//        npm run bench -- --cron [--root DIR] [--rounds N]: what pages feel of cron, and what ticks cost
//        npm run bench -- --batch [--only process,page,poll] [--rounds N]: batches in drupald's driver beside the module's function, and
//        from their first page to the last one beside Drupal's own
//        npm run bench -- --pool [--root DIR] [--rounds N]: one daemon beside two with half of its slots each
//        npm run bench -- --requests [--root DIR] [--rounds N]: many requests of a PHP process at a time
import { parseArgs } from 'node:util';
import { translate } from '../harness/translate.mjs';

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean' },
    cron: { type: 'boolean' },
    batch: { type: 'boolean' },
    pool: { type: 'boolean' },
    requests: { type: 'boolean' },
  },
});
if (values.root !== undefined) process.env.DRUPALD_TEST_DRUPAL7 = values.root;
const translated = await translate(['test/harness', 'test/bench', 'src/demo']);
try {
  if (values.pool) {
    const { poolBench } = await translated.load('test/bench/pool.js');
    await poolBench(Number(values.rounds));
  } else if (values.requests) {
    const { requestsBench } = await translated.load('test/bench/requests.js');
    await requestsBench(Number(values.rounds));
  } else if (values.batch) {
    const { batchBench } = await translated.load('test/bench/batch.js');
    await batchBench({ rounds: Number(values.rounds), only: values.only?.split(',') });
  } else if (values.cron) {
    const { cronBench } = await translated.load('test/bench/cron.js');
    await cronBench(Number(values.rounds));
  } else {
    const { bench } = await translated.load('test/bench/main.js');
    await bench({
      only: values.only?.split(','),
      rounds: Number(values.rounds),
      write: values.write ?? false,
    });
  }
} finally {
  await translated.remove();
}
