import type { ErrorName } from '../errors.js';
import { troubleInWords } from '../store/database-health.js';

/** What a machine says, by the kernel's names or in words, that has no room left for a process or a file. */
const exhausted =
  /\b(EAGAIN|EMFILE|ENFILE|ENOMEM|ENOSPC)\b|Resource temporarily unavailable|Too many open files|Cannot allocate memory|No space left/i;

/** Which error of the catalogue it is that a site cannot be booted for this reason. */
export function siteTrouble(reason: string): ErrorName {
  return troubleInWords(reason) ?? (exhausted.test(reason) ? 'MACHINE_EXHAUSTED' : 'SITE_CANNOT_BOOT');
}
