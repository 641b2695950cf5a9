import { existsSync, readdirSync, statSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, tool, top } from './run.mjs';

/**
 * @typedef {{ state: 'passed' | 'failed' | 'skipped', output: string }} GateResult
 * @typedef {{ name: string, run: () => Promise<GateResult> }} Gate
 */

/** @returns {Promise<GateResult>} */
async function program(command, args, options = {}) {
  const { code, output } = await run(command, args, { ...options, quiet: true });
  return { state: code === 0 ? 'passed' : 'failed', output };
}

/** Every gate that needs no site, in the order from cheap to dear. */
export const gates = /** @type {readonly Gate[]} */ ([
  { name: 'format (prettier)', run: () => program(tool('prettier'), ['--check', '--log-level', 'warn', '.']) },
  { name: 'types (tsc)', run: () => program(tool('tsc'), ['-p', 'tsconfig.json', '--noEmit']) },
  { name: 'lint (eslint)', run: () => program(tool('eslint'), ['--max-warnings', '0', '.']) },
  { name: 'imports (dependency-cruiser)', run: () => program(tool('depcruise'), ['--output-type', 'err', 'src']) },
  { name: 'docs are written from the code', run: () => program('node', ['scripts/write-docs.mjs', '--check']) },
  { name: 'no registry address in the lockfile', run: lockfile },
  {
    name: 'the lockfile can be installed (npm ci)',
    run: () => program('npm', ['ci', '--dry-run', '--ignore-scripts']),
  },
  { name: 'PHP syntax (php -l)', run: phpLint },
  { name: 'PHPCompatibility (5.6 to 8.4)', run: () => phpTool('phpcs', ['--standard=phpcs.xml', '-q']) },
  {
    name: 'PHPStan',
    run: () => phpTool('phpstan', ['analyse', '--no-progress', '--memory-limit=1G', '-c', 'phpstan.neon']),
  },
]);

/** Gates that run at the same time: most of them use one core. */
const atOnce = 2;

/**
 * Runs gates and tells each result in one line, in their order; the output only of those that failed.
 *
 * @param {readonly Gate[]} list
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runGates(list) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const results = /** @type {Promise<GateResult>[]} */ ([]);
  const begin = () => {
    const gate = list[results.length];
    if (gate) results.push(gate.run().finally(begin));
  };
  for (let n = 0; n < atOnce; n += 1) begin();
  for (const [index, gate] of list.entries()) {
    const { state, output } = await results[index];
    counts[state] += 1;
    const text = output.trim();
    console.log(`${state.padEnd(7)} ${gate.name}${state === 'skipped' ? `: ${text}` : ''}`);
    if (state === 'failed' && text !== '') console.log(text.replaceAll(/^/gm, '        '));
  }
  return counts;
}

async function lockfile() {
  const { code, output } = await run('grep', ['-nE', '"resolved": "https?:', 'package-lock.json'], { quiet: true });
  return { state: code === 1 ? 'passed' : 'failed', output };
}

async function phpLint() {
  const files = phpFiles('php-shim').concat(phpFiles('demo'), phpFiles('test/fixtures'));
  if (files.length === 0) return { state: 'skipped', output: 'there is no PHP yet' };
  const failures = [];
  // One program for all files would stop at the first bad one on older PHP.
  for (const file of files) {
    const { code, output } = await run('php', ['-l', file], { quiet: true });
    if (code === 127) return { state: 'skipped', output: 'the program php is missing' };
    if (code !== 0) failures.push(output.trim());
  }
  return { state: failures.length === 0 ? 'passed' : 'failed', output: failures.join('\n') };
}

function phpFiles(folder) {
  const path = join(top, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => /\.(php|module|install|inc)$/.test(name) && statSync(join(top, name)).isFile());
}

/** Runs a checker that Composer installs; without Composer or its packages the gate is skipped, not failed. */
async function phpTool(name, args) {
  if (!existsSync(join(top, 'php-shim'))) return { state: 'skipped', output: 'there is no PHP yet' };
  const missing = await composerInstall();
  if (missing !== null) return { state: 'skipped', output: missing };
  return program('php', [`tools/php/vendor/bin/${name}`, ...args]);
}

let installed = /** @type {Promise<string | null> | null} */ (null);

function composerInstall() {
  installed ??= (async () => {
    const folder = join(top, 'tools/php');
    const mark = join(folder, 'vendor/composer/installed.json');
    if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(folder, 'composer.json')).mtimeMs) return null;
    const home = process.env.HOME ?? join(top, '.cache');
    mkdirSync(home, { recursive: true });
    const env = { ...process.env, HOME: home, COMPOSER_ALLOW_SUPERUSER: '1', COMPOSER_NO_INTERACTION: '1' };
    const { code, output } = await run('composer', ['install', '--no-progress', '--quiet'], {
      quiet: true,
      env,
      cwd: folder,
    });
    if (code === 127) return 'the program composer is missing';
    return code === 0 ? null : `Composer could not install the checkers (${output.trim().split('\n')[0] ?? ''})`;
  })();
  return installed;
}
