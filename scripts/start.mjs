// Set-up, build, and the daemon with the flags that follow. `npm start -- --root DIR --uri URL`.
import { run, tool, top } from './run.mjs';
import { setup } from './setup.mjs';
import { spawn } from 'node:child_process';

process.exitCode = await main();

async function main() {
  const problem = await setup();
  if (problem !== null) {
    console.error(problem);
    return 1;
  }
  const build = await run(tool('tsc'), ['-p', 'tsconfig.build.json']);
  if (build.code !== 0) return build.code;
  const args = process.argv.slice(2);
  if (args.length === 0) {
    console.log(
      'Name a site to attach: npm start -- --root /var/www/drupal --uri https://www.example.com (see README.md).',
    );
    return 2;
  }
  return serve(args);
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
