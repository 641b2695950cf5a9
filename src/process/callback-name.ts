/**
 * The name of a serialized PHP callback, as people write it.
 *
 * Reads only the outside of PHP's `serialize()` format (contract §1: a string,
 * `[class, method]` or `[object, method]`), so that a name can be shown without
 * unserializing objects whose classes are the site's.
 */
export function callbackName(serialized: string | null): string {
  if (serialized === null || serialized === '') {
    return '(none)';
  }
  const plain = /^s:\d+:"([\s\S]*)";$/.exec(serialized);
  if (plain) {
    return plain[1] || '(none)';
  }
  const ofClass = /^a:2:\{i:0;s:\d+:"([^"]*)";i:1;s:\d+:"([^"]*)";\}$/.exec(serialized);
  if (ofClass) {
    return `${ofClass[1]}::${ofClass[2]}`;
  }
  const ofObject = /^a:2:\{i:0;[OC]:\d+:"([^"]+)":[\s\S]*i:1;s:\d+:"([^"]*)";\}$/.exec(serialized);
  if (ofObject) {
    return `${ofObject[1]}->${ofObject[2]}`;
  }
  return '(unreadable)';
}

/** The callback by which Ultimate Cron 2.x marks a row that is only a lock (contract §2, versions §5). */
export const lockedCallback = '__LOCKED__';
