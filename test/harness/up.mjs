// Brings up a private MariaDB and an installed site, writes its facts to a JSON file and stays until SIGTERM or SIGINT.
// Usage: node test/harness/up.mjs [--real|--stand-in] [--out FILE] [--uri URL] [--service-host BASE_URL] [--prefix P]
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const project = join(here, '../..');

// Node 20 runs no TypeScript: the harness is translated beside the modules that it imports.
const compiled = join(project, 'node_modules/.cache/drupald-harness', String(process.pid));
for (const folder of ['test/harness', 'src/demo']) {
  await mkdir(join(compiled, folder), { recursive: true });
  for (const name of await readdir(join(project, folder))) {
    if (name.endsWith('.ts')) {
      const { outputText } = ts.transpileModule(await readFile(join(project, folder, name), 'utf8'), {
        compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
      });
      await writeFile(join(compiled, folder, name.replace(/\.ts$/, '.js')), outputText);
    }
  }
}
await writeFile(join(compiled, 'package.json'), '{"type":"module"}');
process.env.DRUPALD_PROJECT = project;
const { bringUp } = await import(pathToFileURL(join(compiled, 'test/harness/up-site.js')).href);

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
  await rm(compiled, { recursive: true, force: true });
}
