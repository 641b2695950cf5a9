/**
 * A text without signs beyond Unicode's first plane: a table in MySQL's `utf8`, as most tables of
 * Drupal 7 are, refuses a value that has one, whatever the connection can carry.
 */
export function firstPlane(text: string): string {
  return text.replaceAll(/[\u{10000}-\u{10FFFF}]/gu, '\ufffd');
}
