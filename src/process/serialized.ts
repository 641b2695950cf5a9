import { serialize } from 'php-serialize';

/** A value as PHP serializes it: whatever it holds reaches PHP as it came. */
export class Serialized {
  readonly bytes: Buffer;

  /** @param bytes PHP's own serialization, which need not be UTF-8 */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /**
   * A list that PHP has serialized, with one more member at its end: what it refers to inside stays where it is.
   *
   * @throws Error for what is no list
   */
  and(member: unknown): Serialized {
    const match = /^a:(\d+):\{/.exec(this.bytes.subarray(0, 20).toString('latin1'));
    if (!match || this.bytes.at(-1) !== 0x7d) throw new Error('PHP has not serialized a list');
    const count = Number(match[1]);
    const members = this.bytes.subarray(match[0].length, -1);
    const last = Buffer.from(`i:${count};${serialize(member)}}`);
    return new Serialized(Buffer.concat([Buffer.from(`a:${count + 1}:{`), members, last]));
  }
}
