import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Top folder of the repository. */
export const top = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Runs a program in the top folder.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: NodeJS.ProcessEnv, input?: string, cwd?: string }} [options] quiet: keep the output instead of showing it
 * @returns {Promise<{ code: number, output: string }>} code 127 when the program does not exist, 128 when a signal ended it
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const stdio = options.quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(command, args, { cwd: options.cwd ?? top, env: options.env ?? process.env, stdio });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 128, output }));
  });
}

/** Path of a program that npm installed. */
export function tool(name) {
  return `${top}/node_modules/.bin/${name}`;
}
