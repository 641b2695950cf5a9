import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../', import.meta.url);

/** Absolute path of the shim that ships with this package. */
export const shimFolder = fileURLToPath(new URL('php-shim', folder));

/** Version of this package. */
export const packageVersion = (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string })
  .version;
