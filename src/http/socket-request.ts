import { request, type IncomingMessage } from 'node:http';

/** A question to a server on a socket of this machine. */
export interface SocketQuestion {
  /** Path of the socket. */
  readonly socket: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds without a byte after which it is given up; 0: never. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks by Node's own client: another one takes longer to load than most commands take in all.
 *
 * @throws Error of the socket (ENOENT, ECONNREFUSED, EACCES, ECONNRESET); ETIMEDOUT when nothing came in time
 */
export function askSocket(question: SocketQuestion): Promise<IncomingMessage> {
  const { socket, path, method, body, timeoutMs, signal } = question;
  const headers = { ...question.headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) };
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: socket,
      host: 'drupald',
      path,
      method,
      headers,
      // One question, one connection.
      agent: false,
      timeout: timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    asked.once('response', resolve);
    asked.once('error', reject);
    asked.once('timeout', () => {
      asked.destroy(Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' }));
    });
    asked.end(body);
  });
}

/** The text of an answer. Throws as `askSocket` does. */
export async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
