import { createRequire } from 'node:module';

/**
 * Loads what the MySQL driver would load with the first text that it decodes.
 *
 * A daemon that root starts from a folder that only root may read has become
 * another user by then, and could not read it any more.
 */
export function loadLazyParts(): void {
  const own = createRequire(import.meta.url);
  const ofDriver = createRequire(own.resolve('mysql2'));
  const iconv = ofDriver('iconv-lite') as { getCodec(encoding: string): unknown };
  iconv.getCodec('utf8');
}
