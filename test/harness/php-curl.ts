import { spawnSync } from 'node:child_process';

/** Whether the PHP of this machine has the extension curl. */
export function hasCurl(): boolean {
  return spawnSync('php', ['-r', 'exit(extension_loaded("curl") ? 0 : 1);']).status === 0;
}
