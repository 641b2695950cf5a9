export { ended, mustRun, type ProgramResult, runProgram } from '../../src/demo/program.js';

/** PHP flags used wherever tests start PHP themselves. */
export const PHP_FLAGS: readonly string[] = [
  '-d',
  'memory_limit=256M',
  '-d',
  'sendmail_path=/bin/true',
  '-d',
  'display_errors=stderr',
];
