import { connect, type Socket } from 'node:net';

/** A raw HTTP answer. */
export interface RawAnswer {
  readonly status: number;
  readonly statusLine: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Everything that came, byte for byte. */
  readonly raw: string;
}

/** A request as bytes, with the ways in which a client can misbehave. */
export interface RawRequest {
  readonly port: number;
  readonly bytes: string | Buffer;
  /** Sends one byte per write. */
  readonly byteByByte?: boolean;
  /** Closes the sending half after the last byte. */
  readonly halfClose?: boolean;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.setNoDelay(true);
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Parses the bytes of one answer. @throws Error when they are none. */
export function parseAnswer(raw: string): RawAnswer {
  const split = raw.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = raw.slice(0, split).split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1]);
  if (split < 0 || Number.isNaN(status)) {
    throw new Error(`No HTTP answer: ${JSON.stringify(raw.slice(0, 200))}`);
  }
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status, statusLine, headers, body: raw.slice(split + 4), raw };
}

/** Sends bytes and reads until the other side closes. */
export async function send(request: RawRequest): Promise<RawAnswer> {
  const socket = await open(request.port);
  const chunks: Buffer[] = [];
  const closed = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', resolve);
    socket.once('error', (error) => {
      // A server may cut the connection after a complete answer.
      if (chunks.length > 0) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
  const bytes = Buffer.from(request.bytes);
  if (request.byteByByte === true) {
    for (const byte of bytes) {
      await new Promise<void>((resolve) =>
        socket.write(Buffer.of(byte), () => {
          resolve();
        }),
      );
    }
  } else {
    socket.write(bytes);
  }
  if (request.halfClose === true) {
    socket.end();
  }
  await closed;
  socket.destroy();
  return parseAnswer(Buffer.concat(chunks).toString('latin1'));
}

/** Sends bytes and leaves at once, without waiting for an answer. */
export async function sendAndLeave(port: number, bytes: string | Buffer): Promise<void> {
  const socket = await open(port);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) =>
    socket.write(bytes, () => {
      resolve();
    }),
  );
  socket.destroy();
}

/** The request that the module sends. */
export function moduleRequest(
  path: string,
  options: { method?: string; host?: string | null; version?: string; headers?: readonly string[] } = {},
): string {
  const host = options.host === undefined ? 'site.test' : options.host;
  return [
    `${options.method ?? 'POST'} ${path} HTTP/${options.version ?? '1.0'}`,
    'Connection: close',
    ...(options.headers ?? []),
    ...(host === null ? [] : [`Host: ${host}`]),
    'User-Agent: Drupal (+http://drupal.org/)',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

/** Sends the module's request and reads the answer. */
export function post(
  port: number,
  path: string,
  options: Parameters<typeof moduleRequest>[1] = {},
): Promise<RawAnswer> {
  return send({ port, bytes: moduleRequest(path, options) });
}
