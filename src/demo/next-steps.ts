import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { commandLine, logOf, stateDirOf } from './daemon-process.js';
import type { PrivateFolder } from './private-folder.js';
import type { DemoSite } from './site.js';

/** What to try while the demo stays up; every line with a `$` can be copied as it is. */
export function nextSteps(folder: PrivateFolder, site: DemoSite): string {
  const shown = relative(process.cwd(), commandLine);
  const program = `node ${shown.startsWith('..') ? commandLine : shown}`;
  const state = stateDirOf(folder);
  return [
    'The demo stays up. What to try now, in another terminal:',
    '',
    '  Look at the site and start something with a click:',
    `    ${site.uri}/demo`,
    '  Start a process yourself: one that takes a minute, or count, steps, throw, fatal, prints …',
    `    $ ${asking(`${site.uri}/demo/begin/minute`)}`,
    '  See what runs and what waits, and what could be wrong:',
    `    $ ${program} ps --state-dir ${state}`,
    `    $ ${program} doctor --state-dir ${state}`,
    '  Kill one: its process id stands below as soon as it runs, and in the table of ps',
    '    $ kill -9 PID',
    '  Follow what processes print, and what drupald says:',
    `    $ tail -n 3 -f ${state}/runs/*.log`,
    `    $ tail -f ${logOf(folder)}`,
    '',
    'What you start is reported below. Ctrl-C ends everything and leaves nothing behind.',
    '',
  ].join('\n');
}

/** A command that asks for a page, on machines without curl too. */
function asking(address: string): string {
  const folders = (process.env.PATH ?? '').split(':');
  if (folders.some((folder) => existsSync(join(folder, 'curl')))) return `curl ${address}`;
  return `node -e 'fetch("${address}").then((answer) => answer.text()).then(console.log)'`;
}
