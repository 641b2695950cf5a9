import pc from 'picocolors';
import { pino, type Logger } from 'pino';
import type { LogFormat, LogLevel } from '../config/config.js';
import { redact, redactText } from './redact.js';

/** Where log lines go. */
export interface LogStream {
  /** Streams of Node tell here that nobody reads them any more. */
  on?(event: 'error', listener: (error: Error) => void): unknown;
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

/** How to log. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Default: stderr. */
  readonly stream?: LogStream;
  /** Environment that decides about colours; default: the one of the process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Fields of a line; secrets among them are never written. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines. `event` is a stable name for searches, the message is for people. */
export interface Log {
  readonly level: LogLevel;
  log(level: Exclude<LogLevel, 'silent'>, event: string, message: string, fields?: LogFields): void;
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
}

/** Makes the log of the program: one JSON object a line, or readable lines with the same content. */
export function createLog(options: LogOptions): Log {
  const stream: LogStream = options.stream ?? process.stderr;
  // Who reads the log may go away; the daemon must not go with them.
  stream.on?.('error', () => undefined);
  const pretty = options.format === 'pretty' || (options.format === 'auto' && stream.isTTY === true);
  const destination = pretty ? prettyStream(stream, options.env ?? process.env) : stream;
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void destination.write(line) },
  );
  return new PinoLog(logger, options.level);
}

class PinoLog implements Log {
  constructor(
    private readonly logger: Logger,
    readonly level: LogLevel,
  ) {}

  log(level: Exclude<LogLevel, 'silent'>, event: string, message: string, fields: LogFields = {}): void {
    if (!this.logger.isLevelEnabled(level)) return;
    // Names that the line itself uses are not left to the fields.
    const { level: _level, time: _time, message: _message, ...rest } = redact(fields) as Record<string, unknown>;
    this.logger[level]({ ...rest, event }, redactText(message));
  }

  debug(event: string, message: string, fields?: LogFields): void {
    this.log('debug', event, message, fields);
  }

  info(event: string, message: string, fields?: LogFields): void {
    this.log('info', event, message, fields);
  }

  warn(event: string, message: string, fields?: LogFields): void {
    this.log('warn', event, message, fields);
  }

  error(event: string, message: string, fields?: LogFields): void {
    this.log('error', event, message, fields);
  }
}

function prettyStream(stream: LogStream, env: NodeJS.ProcessEnv): LogStream {
  const colours = pc.createColors(stream.isTTY === true && !env.NO_COLOR);
  const paint: Record<string, (text: string) => string> = {
    trace: colours.dim,
    debug: colours.dim,
    info: colours.green,
    warn: colours.yellow,
    error: colours.red,
    fatal: colours.red,
  };
  return {
    write: (line: string) => {
      const { level, time, event, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const name = String(level);
      const rest = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`);
      const parts = [
        colours.dim(String(time).slice(11, 23)),
        (paint[name] ?? colours.dim)(name.padEnd(5)),
        printable(String(message)),
        colours.dim([...rest, `(${String(event)})`].join(' ')),
      ];
      stream.write(`${parts.join(' ')}\n`);
    },
  };
}

function plain(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return printable(value);
  return JSON.stringify(value);
}

// Text from a site may hold line ends and terminal sequences; neither may forge or recolour a line.
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) => (char === '\n' ? '⏎' : '\ufffd'));
}
