import { readFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';

/** How busy the machine is, both from 0 (idle) to 1 (nothing left). */
export interface Load {
  /** Part of the time in which something that could run had to wait for a processor. */
  readonly cpu: number;
  /** The same for memory, or the part of memory in use beyond nine tenths. */
  readonly memory: number;
}

/** Reads how busy the machine was since the last reading. */
export class LoadMeter {
  #last: { readonly at: number; readonly cpu: number; readonly memory: number } | undefined;
  readonly #folder: string;

  /** @param folder where the kernel tells; another one in tests */
  constructor(folder = '/proc') {
    this.#folder = folder;
  }

  /** The load since the last call; the first call tells of nothing. */
  async read(): Promise<Load> {
    const [cpu, memory, info] = await Promise.all([
      this.#stalled('cpu'),
      this.#stalled('memory'),
      this.#text('meminfo'),
    ]);
    const full = memoryInUse(info);
    if (cpu === undefined) {
      // A kernel without pressure information: processes that want to run, over what can run.
      const wanting = (loadavg()[0] ?? 0) / availableParallelism();
      return { cpu: Math.min(1, Math.max(0, wanting - 1)), memory: full };
    }
    const now = { at: performance.now(), cpu, memory: memory ?? 0 };
    const last = this.#last;
    this.#last = now;
    const passed = last ? (now.at - last.at) * 1000 : 0;
    if (!last || passed <= 0) {
      return { cpu: 0, memory: full };
    }
    const share = (after: number, before: number): number => Math.min(1, Math.max(0, (after - before) / passed));
    return { cpu: share(now.cpu, last.cpu), memory: Math.max(full, share(now.memory, last.memory)) };
  }

  /** Microseconds since the start of the machine in which something was held up. */
  async #stalled(what: 'cpu' | 'memory'): Promise<number | undefined> {
    const found = /^some .*total=(\d+)/m.exec(await this.#text(`pressure/${what}`));
    return found ? Number(found[1]) : undefined;
  }

  #text(name: string): Promise<string> {
    return readFile(`${this.#folder}/${name}`, 'utf8').catch(() => '');
  }
}

/** 0 while a tenth of the memory is available, 1 when none is. */
function memoryInUse(info: string): number {
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  const free = kb('MemAvailable') / kb('MemTotal');
  return Number.isNaN(free) ? 0 : Math.min(1, Math.max(0, 1 - free / 0.1));
}
