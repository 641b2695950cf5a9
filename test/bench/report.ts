import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectFolder } from '../harness/paths.js';

/** What stands above the figures. */
const intro = `# Benchmarks

\`npm run bench -- --root DIR --write\` writes this page. It installs a site from the Drupal 7 in that folder, starts a private Apache (prefork, mod_php, opcache) and drupald on the same site and database, and measures them in turn, from the same state, several times. What is shown are medians; in brackets the ratio to mod_php in the same run. Figures of different runs cannot be compared: a machine that shares its processors is never twice the same.

- *dispatch → callback*: from just before the connection is opened to the first line of the callback. The row is there already.
- *no-op processes a second*: 300 rows, 12 starts under way at a time, until the last row is gone.
- *CPU of the side*: all processes of Apache, or the daemon with all its PHP processes; MariaDB stands apart.

## Where the time goes

A profile of \`process\` (\`perf\`, Linux, a PHP with 53 extensions): of the CPU of one process that does nothing, about 5.5 ms are the kernel making and ending the fork, because that PHP has 725 memory mappings (171 with the extensions that Drupal needs, without gd: 2 ms less); 3 to 4 ms are page faults and system calls in the young process; 5 ms are Drupal's last phase, the module and its statements; 5 ms are the daemon (1 for the row, 0.5 for looking at the files of the site, the rest for sockets, of which each message wakes another process). A worker of Apache has forks and faults behind it. \`shared\` has, too, and is left with the daemon, Drupal's own hooks and the module's six statements.

A single start in \`process\` at gaps of 60 ms: 0.9 ms until the connection is there (the same for Apache), 2.5 until the row is read, 0.5 until PHP has the job, 1.5 for variables and settings, 4 for language, path, theme and \`hook_init\`, 3 for the claim and the module's statements up to the callback. Each wait for another process costs a wake-up, which is dear on a virtual machine. Hence the goals that this project set itself (0.6 × and 0.35 × of Apache's time, its throughput and more) are not reached on such a machine: drupald takes the work off the web server and tells every end, and \`shared\` begins as fast as Apache does, but a single start in \`process\` is not faster. After a pause of seconds there is no loaded site that is young enough, and a process boots for itself, as in \`fresh\`.

## Figures`;

/** Prints figures as they come and writes them down at the end. */
export class Report {
  readonly #write: boolean;
  readonly #rows: string[] = [];
  readonly #notes: string[] = [];
  #columns: string[] = [];

  constructor(write: boolean) {
    this.#write = write;
  }

  /** One figure of every side; the first is what the others are compared with. */
  compare(what: string, unit: string, values: ReadonlyMap<string, number>): void {
    const [first = Number.NaN] = values.values();
    const shown = [...values].map(([name, value], index) => {
      const ratio = index === 0 ? '' : ` (${(value / first).toFixed(2)} ×)`;
      return [name, `${value.toFixed(2)} ${unit}${ratio}`] as const;
    });
    this.#columns = shown.map(([name]) => name);
    this.#rows.push(`| ${what} | ${shown.map(([, text]) => text).join(' | ')} |`);
    console.log(`${what}: ${shown.map(([name, text]) => `${name} ${text}`).join(', ')}`);
  }

  note(line: string): void {
    this.#notes.push(`- ${line}`);
    console.log(line);
  }

  async end(): Promise<void> {
    if (!this.#write) {
      return;
    }
    const machine = `Measured on ${String(availableParallelism())} × ${cpus()[0]?.model ?? 'unknown processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Linux ${release()}, Node ${process.version}, PHP as installed.`;
    const head = `| | ${this.#columns.join(' | ')} |\n|${' --- |'.repeat(this.#columns.length + 1)}`;
    const file = join(projectFolder(), 'docs/benchmarks.md');
    await writeFile(file, `${intro}\n\n${machine}\n\n${head}\n${this.#rows.join('\n')}\n\n${this.#notes.join('\n')}\n`);
    console.log(`Written to ${file}`);
  }
}
