/** What PHP has serialized, as far as it can be looked at from outside: of objects only their class. */
export type PhpValue = null | boolean | number | string | PhpArray | { readonly className: string };

/** An array of PHP; keys are texts, also those that are numbers. */
export type PhpArray = ReadonlyMap<string, PhpValue>;

/**
 * Reads what PHP has serialized, whatever classes it names.
 *
 * @throws Error for what PHP cannot have written
 */
export function readPhp(bytes: Buffer): PhpValue {
  return new Reader(bytes).value();
}

/**
 * Reads one value that stands among others.
 *
 * @param at where it begins
 * @returns it, and where it ends
 * @throws Error for what PHP cannot have written
 */
export function readPhpFrom(bytes: Buffer, at: number): { readonly value: PhpValue; readonly end: number } {
  const reader = new Reader(bytes, at);
  return { value: reader.value(), end: reader.at };
}

/** A member of an array, or of one inside it; undefined: there is none. */
export function phpMember(value: PhpValue | undefined, ...path: readonly string[]): PhpValue | undefined {
  let found = value;
  for (const key of path) {
    found = found instanceof Map ? (found as PhpArray).get(key) : undefined;
  }
  return found;
}

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  value(): PhpValue {
    const type = this.#take(1);
    if (type === 'N') {
      this.#expect(';');
      return null;
    }
    this.#expect(':');
    switch (type) {
      case 'b':
        return this.#until(';') === '1';
      // The last two are references to what came before.
      case 'i':
      case 'd':
      case 'r':
      case 'R':
        return Number(this.#until(';'));
      case 's': {
        const text = this.#text();
        this.#expect(';');
        return text;
      }
      case 'E':
        return this.#ended(this.#text());
      case 'a':
        return this.#members();
      case 'O': {
        const className = this.#text();
        this.#expect(':');
        this.#members();
        return { className };
      }
      case 'C': {
        const className = this.#text();
        this.#expect(':');
        const length = Number(this.#until(':'));
        this.#at += length + 2;
        return { className };
      }
      default:
        throw this.#failure();
    }
  }

  #ended(className: string): { readonly className: string } {
    this.#expect(';');
    return { className };
  }

  #members(): PhpArray {
    const count = Number(this.#until(':'));
    this.#expect('{');
    const members = new Map<string, PhpValue>();
    for (let index = 0; index < count; index += 1) {
      const key = this.value();
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw this.#failure();
      }
      members.set(String(key), this.value());
    }
    this.#expect('}');
    return members;
  }

  #text(): string {
    const length = Number(this.#until(':'));
    this.#expect('"');
    const text = this.#take(length);
    this.#expect('"');
    return text;
  }

  #until(sign: string): string {
    const end = this.#bytes.indexOf(sign, this.#at, 'latin1');
    if (end < 0) {
      throw this.#failure();
    }
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #take(length: number): string {
    if (!(length >= 0) || this.#at + length > this.#bytes.length) {
      throw this.#failure();
    }
    const text = this.#bytes.toString('utf8', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  #expect(sign: string): void {
    if (this.#take(1) !== sign) {
      throw this.#failure();
    }
  }

  #failure(): Error {
    return new Error(`PHP has not serialized this: it breaks off at ${this.#at}`);
  }
}
