// Set-up, build, and then: without flags the embedded demo, with flags the daemon for a site.
// `npm start`, `npm start -- --once`, `npm start -- --root DIR --uri URL`.
import { run, tool, top } from './run.mjs';
import { setup } from './setup.mjs';
import { spawn } from 'node:child_process';

process.exitCode = await main();

async function main() {
  const problem = await setup({ tests: false });
  if (problem !== null) {
    console.error(problem);
    return 1;
  }
  console.log('Building …');
  const build = await run(tool('tsc'), ['-p', 'tsconfig.build.json']);
  if (build.code !== 0) return build.code;
  const args = process.argv.slice(2);
  const once = args.length === 1 && args[0] === '--once';
  if (args.length > 0 && !once) return serve(args);
  // Loaded here: before the set-up neither it nor what it imports is there.
  const { runDemo } = await import('../dist/demo/demo.js');
  return runDemo({ project: top, once });
}

function serve(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [`${top}/dist/cli/main.js`, 'serve', ...args], { stdio: 'inherit' });
    // The daemon decides when it ends. A terminal sends its signal to both; `kill` only to this one.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('close', (code) => resolve(code ?? 1));
  });
}
