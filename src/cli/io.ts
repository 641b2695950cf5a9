import type { WriteStream } from 'node:tty';

/** Where a command writes, and what surrounds it; tests give their own. */
export interface CommandIo {
  readonly stdout: Pick<NodeJS.WritableStream, 'write'> & { readonly isTTY?: boolean | undefined };
  readonly stderr: Pick<NodeJS.WritableStream, 'write'> & { readonly isTTY?: boolean | undefined };
  readonly env: NodeJS.ProcessEnv;
  /** Current folder; default the one of this process. */
  readonly cwd?: string;
}

/** The streams and variables of this program. */
export function processIo(): CommandIo {
  return { stdout: process.stdout, stderr: process.stderr, env: process.env };
}

/** Whether to colour what is written to a stream: only on a terminal, and not with NO_COLOR. */
export function wantsColour(
  stream: Partial<Pick<WriteStream, 'isTTY'>> | { isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Text of a site made safe for a terminal: control characters become visible. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** Lines of a site made safe for a terminal: ends of lines and tabs stay. */
export function printableLines(text: string): string {
  return text
    .split(/(\t|\r?\n)/)
    .map((part, index) => (index % 2 === 1 ? part.replace('\r', '') : printable(part)))
    .join('');
}

/** Writes a value as JSON for scripts. */
export function writeJson(io: CommandIo, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
