// Node 20 runs no TypeScript: what runs outside the test runner is translated beside the modules that it imports.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

/** Top of the project. */
export const project = join(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Translates folders and gives what imports a module of them and what removes the translation.
 *
 * @param {readonly string[]} folders below the top of the project
 */
export async function translate(folders) {
  const compiled = join(project, 'node_modules/.cache/drupald-harness', String(process.pid));
  for (const folder of folders) {
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
  process.env.DRUPALD_TEST_PROJECT = project;
  return {
    load: (path) => import(pathToFileURL(join(compiled, path)).href),
    remove: () => rm(compiled, { recursive: true, force: true }),
  };
}
