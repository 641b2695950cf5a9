// Brings up a private MariaDB and an installed site, writes its facts to a JSON file and stays until SIGTERM or SIGINT.
// Usage: node test/harness/up.mjs [--real|--stand-in] [--out FILE] [--uri URL] [--service-host BASE_URL] [--prefix P]
import { rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { translate } from './translate.mjs';

const translated = await translate(['test/harness', 'src/demo']);
const { bringUp } = await translated.load('test/harness/up-site.js');

const { values } = parseArgs({
  options: {
    real: { type: 'boolean' },
    'stand-in': { type: 'boolean' },
    out: { type: 'string', default: '/tmp/drupald-site.json' },
    uri: { type: 'string', multiple: true },
    'service-host': { type: 'string' },
    prefix: { type: 'string' },
  },
});

// A signal that comes while the site is still being made ends it as soon as it is there.
const ended = new Promise((resolve) => {
  process.once('SIGTERM', resolve);
  process.once('SIGINT', resolve);
});
const keep = setInterval(() => undefined, 60_000);
try {
  const shown = await bringUp({
    kind: values['stand-in'] ? 'stand-in' : 'real',
    uris: values.uri,
    serviceHost: values['service-host'],
    prefix: values.prefix,
  });
  await writeFile(values.out, JSON.stringify(shown.facts, null, 2));
  console.log(`${shown.facts.kind} site at ${shown.facts.root}; facts in ${values.out}. SIGTERM ends it.`);
  await ended;
  await shown.close();
} finally {
  clearInterval(keep);
  await rm(values.out, { force: true });
  await translated.remove();
}
