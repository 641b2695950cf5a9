import { createRequire } from 'node:module';

/**
 * Loads what the MySQL driver otherwise loads with the first text that it decodes. A daemon that root starts
 * from a clone that only root may read has become another user by then and could not read it any more.
 * Imported by Node before the daemon itself (`node --import`).
 */
const ofThis = createRequire(import.meta.url);
const ofDriver = createRequire(ofThis.resolve('mysql2'));
const iconv = ofDriver('iconv-lite') as { getCodec(encoding: string): unknown };
iconv.getCodec('utf8');
