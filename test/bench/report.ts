import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectFolder } from '../harness/paths.js';

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
    const machine = `${String(availableParallelism())} × ${cpus()[0]?.model ?? 'unknown processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Linux ${release()}, Node ${process.version}`;
    const head = `| | ${this.#columns.join(' | ')} |\n|${' --- |'.repeat(this.#columns.length + 1)}`;
    const file = join(projectFolder(), 'docs/benchmarks-last.md');
    await writeFile(
      file,
      `# The last measurement\n\nWritten by \`npm run bench -- --write\` on ${machine}.\n\n${head}\n${this.#rows.join('\n')}\n\n${this.#notes.join('\n')}\n`,
    );
    console.log(`Written to ${file}`);
  }
}
