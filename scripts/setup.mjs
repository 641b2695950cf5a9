// Brings a machine with Node and Debian's package manager to where everything can be built and tested.
// Only what Node itself brings is used here: nothing else is installed yet.
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run, top } from './run.mjs';
import { systemPackages } from './system-packages.mjs';

const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_KEPT = '/usr/sbin/policy-rc.d.before-drupald-setup';

/**
 * Checks Node, installs npm packages and missing system packages.
 *
 * @param {{ tests?: boolean }} [options] tests: also what the tests alone need
 * @returns {Promise<string | null>} null when all is there, else one sentence about what is missing
 */
export async function setup({ tests = true } = {}) {
  return checkNode() ?? (await npmPackages()) ?? (await debianPackages(tests));
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return null;
  return `Node ${process.versions.node} is too old: install Node 20.19 or newer.`;
}

async function npmPackages() {
  const installed = join(top, 'node_modules/.package-lock.json');
  const locked = join(top, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(locked).mtimeMs) return null;
  // An unchanged lockfile is often merely newer on disk (a fresh checkout): compare before a slow install.
  if (existsSync(installed) && sameVersions(installed, locked)) return null;
  console.log('Installing npm packages…');
  const { code } = await run('npm', ['ci', '--no-fund', '--no-audit']);
  return code === 0 ? null : 'The npm packages could not be installed: run "npm ci" and read what it says.';
}

function sameVersions(installed, locked) {
  const [have, want] = [installed, locked].map((file) => JSON.parse(readFileSync(file, 'utf8')).packages);
  return Object.entries(want).every(
    ([path, entry]) => path === '' || entry.optional === true || have[path]?.version === entry.version,
  );
}

async function debianPackages(tests) {
  const missing = await missingPackages(tests);
  if (missing.length === 0) return null;
  const names = missing.map(({ name }) => name);
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`;
  if (!onPath('apt-get')) return `These programs are missing, install what brings them here: ${names.join(', ')}.`;
  if (process.getuid?.() !== 0) return `System packages are missing; install them as root with: ${command}`;
  console.log(`Installing system packages: ${names.join(', ')}…`);
  const ok = await withoutServices(async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const update = await run('apt-get', ['update', '-q'], { env, quiet: true });
    const install = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names], {
      env,
      quiet: true,
    });
    if (install.code !== 0) console.error(update.code === 0 ? install.output : update.output + install.output);
    return install.code === 0;
  });
  if (!ok) return `The system packages could not be installed; try it by hand: ${command}`;
  const still = await missingPackages(tests);
  return still.length === 0
    ? null
    : `Still missing after the installation: ${still.map(({ name }) => name).join(', ')}.`;
}

async function missingPackages(tests) {
  const modules = onPath('php') ? (await run('php', ['-m'], { quiet: true })).output.toLowerCase().split(/\s+/) : [];
  return systemPackages.filter(({ program, extension, apacheModule, tests: forTests }) => {
    if (forTests && !tests) return false;
    if (apacheModule) return !hasApacheModule(apacheModule);
    return program ? !program.some(onPath) : !modules.includes(extension);
  });
}

/** Whether Apache has a module whose file begins with that name. */
function hasApacheModule(name) {
  try {
    return readdirSync('/usr/lib/apache2/modules').some((file) => file.startsWith(name));
  } catch {
    return false;
  }
}

/** Runs a task while Debian's packages may not start services; the machine's own policy is put back. */
async function withoutServices(task) {
  // A run that was killed in between left the kept policy: that one is the machine's own.
  if (existsSync(POLICY) && !existsSync(POLICY_KEPT)) renameSync(POLICY, POLICY_KEPT);
  const restore = () => {
    rmSync(POLICY, { force: true });
    if (existsSync(POLICY_KEPT)) renameSync(POLICY_KEPT, POLICY);
  };
  const interrupted = () => {
    restore();
    process.exit(1);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n');
    chmodSync(POLICY, 0o755);
    return await task();
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    restore();
  }
}

function onPath(program) {
  // Servers live in sbin, which an ordinary user's PATH leaves out.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problem = await setup();
  if (problem !== null) console.error(problem);
  process.exitCode = problem === null ? 0 : 1;
}
