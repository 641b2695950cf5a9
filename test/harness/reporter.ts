import type { Reporter, TestModule } from 'vitest/node';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function empty(): Counts {
  return { passed: 0, failed: 0, skipped: 0 };
}

/** The line that ends every test run. */
export function countsLine(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** Prints counts per kind of site and, as the very last line, the counts of everything. */
export default class CountsReporter implements Reporter {
  /** Counts the results of a finished run. Files that could not even be loaded count as one failure each. */
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[] = []): void {
    const all = empty();
    const perSite = new Map<string, Counts>();
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests += 1;
        const { state } = test.result();
        const outcome = state === 'passed' || state === 'failed' ? state : 'skipped';
        all[outcome] += 1;
        const site = /\[(stand-in|real)\]/.exec(test.fullName)?.[1] ?? 'no site';
        const counts = perSite.get(site) ?? empty();
        counts[outcome] += 1;
        perSite.set(site, counts);
      }
      if (module.state() === 'failed' && (tests === 0 || module.errors().length > 0)) {
        all.failed += 1;
      }
    }
    all.failed += unhandledErrors.length;
    const lines = [...perSite].map(([site, counts]) => `${site}: ${countsLine(counts)}`);
    // Other reporters print in the same hook; the counts must come after them.
    process.once('exit', () => {
      process.stdout.write(`${['', ...lines, countsLine(all)].join('\n')}\n`);
    });
  }
}
