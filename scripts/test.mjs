// Everything: set-up, build, gates, and the whole suite. `npm test`. The last line holds the counts.
import { spawn } from 'node:child_process';
import { gates, runGates } from './gates.mjs';
import { run, tool, top } from './run.mjs';
import { setup } from './setup.mjs';

const COUNTS = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

process.exitCode = await main();

async function main() {
  const problem = await setup();
  if (problem !== null) return end(problem);
  const build = await run(tool('tsc'), ['-p', 'tsconfig.build.json'], { quiet: true });
  if (build.code !== 0) return end(`The build failed:\n${build.output}`);
  const checked = await runGates(gates);
  const suite = await vitest();
  if (suite.counts === null) return end('The test suite ended without counts.');
  const passed = suite.counts.passed + checked.passed;
  const failed = suite.counts.failed + checked.failed;
  const skipped = suite.counts.skipped + checked.skipped;
  console.log(
    `gates: ${String(checked.passed)} passed, ${String(checked.failed)} failed, ${String(checked.skipped)} skipped`,
  );
  console.log(`${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`);
  return failed === 0 && suite.code === 0 ? 0 : 1;
}

/** Ends a run that never got to its tests. */
function end(sentence) {
  console.error(sentence);
  console.log('0 passed, 1 failed, 0 skipped');
  return 1;
}

/** Runs the suite, shows its output, and keeps back the line with the counts, which must come last of all. */
function vitest() {
  const reporters = ['--reporter=default', '--reporter=./test/harness/reporter.ts'];
  const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  return new Promise((resolve) => {
    const child = spawn(tool('vitest'), ['run', ...reporters, ...process.argv.slice(2)], {
      cwd: top,
      env: { ...process.env, ...colour },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let counts = null;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    });
    child.on('error', () => resolve({ code: 1, counts: null }));
    child.on('close', (code) => {
      if (rest !== '') take(rest);
      resolve({ code: code ?? 1, counts });
    });

    function take(line) {
      const match = COUNTS.exec(line);
      if (match === null) console.log(line);
      else counts = { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) };
    }
  });
}
