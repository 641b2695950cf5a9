// Measures drupald beside Apache with mod_php on one site and one database.
// Usage: npm run bench -- [--root DIR] [--only NAME,NAME] [--rounds N] [--write]
//        npm run bench -- --cron [--root DIR] [--rounds N]: what pages feel of cron, and what ticks cost
//        npm run bench -- --batch [--root DIR] [--rounds N]: a batch in drupald's driver beside the module's function
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
    requests: { type: 'boolean' },
  },
});
if (values.root !== undefined) process.env.DRUPALD_TEST_DRUPAL7 = values.root;
const translated = await translate(['test/harness', 'test/bench', 'src/demo']);
try {
  if (values.requests) {
    const { requestsBench } = await translated.load('test/bench/requests.js');
    await requestsBench(Number(values.rounds));
  } else if (values.batch) {
    const { batchBench } = await translated.load('test/bench/batch.js');
    await batchBench(Number(values.rounds));
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
