// The fast gate: everything that needs no site. `npm run check`.
import { gates, runGates } from './gates.mjs';
import { run, tool } from './run.mjs';

const unit = {
  name: 'unit tests (vitest)',
  run: async () => {
    const { code, output } = await run(tool('vitest'), ['run', '--project', 'unit'], { quiet: true });
    return { state: code === 0 ? 'passed' : 'failed', output };
  },
};

const { failed } = await runGates([...gates, unit]);
process.exitCode = failed === 0 ? 0 : 1;
