import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { errorCatalog, fail, type DrupaldError, type ErrorName } from '../errors.js';
import { cronStarted, nextAnswer, type cronWish } from './cron-answers.js';
import { parseJson } from '../support/json.js';
import { askSocket, textOf } from './socket-request.js';

const site = z.looseObject({
  name: z.string(),
  root: z.string().optional(),
  uris: z.array(z.string()).default([]),
  state: z.string(),
  reason: z.string().nullish(),
  slots: z.number().optional(),
  running: z.number().default(0),
  waiting: z.number().default(0),
  held: z.number().default(0),
  /** Ends that could not be settled yet. */
  unsettled: z.number().default(0),
});

const run = z.looseObject({
  handle: z.string(),
  callback: z.string().nullish(),
  site: z.string().nullish(),
  state: z.string(),
  pid: z.number().nullish(),
  waitedMs: z.number().nullish(),
  ranMs: z.number().nullish(),
});

const trouble = z.looseObject({
  code: z.string(),
  site: z.string().nullish(),
  message: z.string(),
  remedy: z.string(),
  since: z.string(),
});

const sharedBacklog = z.looseObject({
  address: z.string(),
  state: z.enum(['shared', 'away']),
  sites: z.array(z.object({ site: z.string(), waiting: z.number(), active: z.number(), own: z.number() })),
});

const status = z.looseObject({
  daemon: z.looseObject({
    pid: z.number(),
    version: z.string(),
    startedAt: z.union([z.string(), z.number()]),
    listen: z.string(),
    state: z.string(),
  }),
  /** What is wrong now; each goes by itself when it is over. */
  troubles: z.array(trouble).default([]),
  sites: z.array(site).default([]),
  runs: z.array(run).default([]),
  waitingTotal: z.number().default(0),
  /** The backlog that is shared with other daemons; missing: there is none. */
  sharedBacklog: sharedBacklog.optional(),
});

const daemon = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  /** Seconds since 1970. */
  started: z.number(),
  /** Seconds since its last sign of life, by the clock of the database. */
  silence: z.number(),
  address: z.string(),
  serves: z.array(z.string()).readonly(),
  slots: z.number(),
  running: z.number(),
  waiting: z.number(),
  state: z.enum(['running', 'stopping']),
  /** Whether it is the one that was asked. */
  asked: z.boolean(),
});

const siteDaemons = z.object({
  site: z.string(),
  daemons: z.array(daemon).readonly(),
  /** Why they cannot be told; null: they are. */
  reason: z.string().nullable(),
});

const finding = z.object({
  code: z.string(),
  level: z.enum(['ok', 'warn', 'problem']),
  title: z.string(),
  remedy: z.string().optional(),
});

const detached = z.looseObject({
  handedBack: z.number(),
  gone: z.number(),
  left: z.number(),
  reason: z.string().optional(),
});

/** Signs that the reason of a kill may have: it becomes part of one sentence. */
export const longestReason = 1_000;

/** What `drupald kill` asks for. */
export const killWish = z.object({
  handle: z.string().min(1),
  site: z.string().optional(),
  reason: z.string().max(longestReason).optional(),
});

const killed = z.object({
  site: z.string(),
  handle: z.string(),
  was: z.enum(['running', 'waiting', 'ending']),
  pid: z.number().optional(),
});

/** What came of `drupald kill`. */
export type KilledProcess = z.infer<typeof killed>;

const refusal = z.looseObject({ code: z.string(), details: z.record(z.string(), z.unknown()).default({}) });

/** What came of `drupald detach`. */
export type Detached = z.infer<typeof detached>;

/** What the daemon tells about itself, its sites and what runs. Times are milliseconds. */
export type DaemonStatus = z.infer<typeof status>;

/** The daemons that serve a site. */
export type SiteDaemons = z.infer<typeof siteDaemons>;

/** One line of `drupald doctor`. */
export type Finding = z.infer<typeof finding>;

/** Name of the control socket in the state directory. */
export const CONTROL_SOCKET = 'control.sock';

/** Name of the file with the control token in the state directory. */
export const CONTROL_TOKEN = 'control.token';

/** Talks to a running daemon over its control socket. */
export class ControlClient {
  private readonly socket: string;
  private readonly tokenFile: string;

  /** @param stateDir state directory of the daemon */
  constructor(
    stateDir: string,
    private readonly timeoutMs = 10_000,
  ) {
    this.socket = join(stateDir, CONTROL_SOCKET);
    this.tokenFile = join(stateDir, CONTROL_TOKEN);
  }

  /** Throws DAEMON_NOT_RUNNING, CONTROL_DENIED or CONTROL_FAILED. */
  async status(): Promise<DaemonStatus> {
    return this.get('/v1/status', status);
  }

  /** Throws DAEMON_NOT_RUNNING, CONTROL_DENIED or CONTROL_FAILED. */
  async daemons(): Promise<readonly SiteDaemons[]> {
    return (await this.get('/v1/daemons', z.looseObject({ sites: z.array(siteDaemons) }))).sites;
  }

  /** Takes as long as it takes to boot each site a few times. Throws DAEMON_NOT_RUNNING, CONTROL_DENIED or CONTROL_FAILED. */
  async doctor(): Promise<readonly Finding[]> {
    return (await this.ask('/v1/doctor', z.looseObject({ findings: z.array(finding) }), { method: 'GET' }, 0)).findings;
  }

  /**
   * Lets the daemon give its backlog back to the sites; takes as long as that takes.
   * Throws DAEMON_NOT_RUNNING, CONTROL_DENIED or CONTROL_FAILED.
   */
  async detach(to: string | undefined): Promise<Detached> {
    return this.ask(
      '/v1/detach',
      detached,
      { method: 'POST', body: JSON.stringify(to === undefined ? {} : { to }) },
      0,
    );
  }

  /**
   * Ends a process; takes as long as its worker takes to die.
   * Throws PROCESS_NOT_HERE, HANDLE_AMBIGUOUS, DAEMON_NOT_RUNNING, CONTROL_DENIED or CONTROL_FAILED.
   */
  async kill(wish: z.infer<typeof killWish>): Promise<KilledProcess> {
    return this.ask('/v1/kill', killed, { method: 'POST', body: JSON.stringify(wish) }, 0);
  }

  /** Lets a process go that was set aside; names of its sites. Throws PROCESS_NOT_ASIDE, and as `kill` does. */
  async retry(wish: Omit<z.infer<typeof killWish>, 'reason'>): Promise<readonly string[]> {
    const answer = z.looseObject({ sites: z.array(z.string()) });
    return (await this.ask('/v1/retry', answer, { method: 'POST', body: JSON.stringify(wish) }, this.timeoutMs)).sites;
  }

  /** What begins next. Throws as `get` does. */
  async nextCron(wish: { at?: string; count: number }): Promise<z.infer<typeof nextAnswer>> {
    const query = new URLSearchParams({ count: String(wish.count), ...(wish.at === undefined ? {} : { at: wish.at }) });
    return this.get(`/v1/cron/next?${query.toString()}`, nextAnswer);
  }

  /** Starts a job now. Throws CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS, CRON_JOB_NOT_STARTED, and as `kill` does. */
  async runCron(wish: z.infer<typeof cronWish>): Promise<z.infer<typeof cronStarted>> {
    return this.ask('/v1/cron/run', cronStarted, { method: 'POST', body: JSON.stringify(wish) }, this.timeoutMs);
  }

  /** Makes copied databases this place's own; names of the sites. Throws as `detach` does. */
  async adopt(): Promise<readonly string[]> {
    const answer = z.looseObject({ adopted: z.array(z.string()) });
    return (await this.ask('/v1/adopt', answer, { method: 'POST', body: '{}' }, this.timeoutMs)).adopted;
  }

  /**
   * Asks one question. Throws DAEMON_NOT_RUNNING, CONTROL_DENIED, CONTROL_FAILED, and the error that the daemon answers.
   *
   * @param timeoutMs milliseconds that the answer may take
   */
  get<T>(path: string, schema: z.ZodType<T>, timeoutMs = this.timeoutMs): Promise<T> {
    return this.ask(path, schema, { method: 'GET' }, timeoutMs);
  }

  /** Asks for something to be done. Throws as `get` does. */
  post<T>(path: string, schema: z.ZodType<T>, body: object, timeoutMs = this.timeoutMs): Promise<T> {
    return this.ask(path, schema, { method: 'POST', body: JSON.stringify(body) }, timeoutMs);
  }

  /** An answer that comes line by line, each a piece of JSON; ends with the answer or with the signal. Throws as `get` does. */
  async *lines<T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): AsyncGenerator<T> {
    const headers = await this.headers();
    try {
      const answer = await askSocket({ socket: this.socket, path, method: 'GET', headers, timeoutMs: 0, signal });
      if (answer.statusCode !== 200) throw this.refusal(path, answer.statusCode, await textOf(answer));
      for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
        yield this.parse(path, schema, line);
      }
    } catch (error) {
      if (!signal.aborted) throw this.translate(error, path);
    }
  }

  private async ask<T>(
    path: string,
    schema: z.ZodType<T>,
    what: { readonly method: 'GET' | 'POST'; readonly body?: string },
    timeoutMs: number,
  ): Promise<T> {
    const headers = await this.headers(what.body);
    try {
      const answer = await askSocket({ socket: this.socket, path, ...what, headers, timeoutMs });
      const body = await textOf(answer);
      if (answer.statusCode !== 200) throw this.refusal(path, answer.statusCode, body);
      return this.parse(path, schema, body);
    } catch (error) {
      throw this.translate(error, path);
    }
  }

  private parse<T>(path: string, schema: z.ZodType<T>, body: string): T {
    const parsed = schema.safeParse(parseJson(body));
    if (parsed.success) return parsed.data;
    throw fail('CONTROL_FAILED', { path, status: 200, reason: z.prettifyError(parsed.error) });
  }

  /** The error that the daemon answered, where it named one. */
  private refusal(path: string, status: number | undefined, body: string): DrupaldError {
    if (status === 401 || status === 403) return fail('CONTROL_DENIED', { file: this.tokenFile });
    const named = refusal.safeParse(parseJson(body));
    const name = named.data?.code.replace(/^DRUPALD_/, '');
    if (name !== undefined && name in errorCatalog) return fail(name as ErrorName, named.data?.details);
    return fail('CONTROL_FAILED', { path, status, reason: body.slice(0, 200) });
  }

  private async headers(body?: string): Promise<Record<string, string>> {
    try {
      const authorization = `Bearer ${(await readFile(this.tokenFile, 'utf8')).trim()}`;
      return { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    } catch (cause) {
      throw this.translate(cause, '');
    }
  }

  private translate(error: unknown, path: string): unknown {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(code))
      return fail('DAEMON_NOT_RUNNING', { socket: this.socket }, { cause: error });
    if (code === 'EACCES') return fail('CONTROL_DENIED', { file: this.tokenFile }, { cause: error });
    if (code.startsWith('HPE_') || ['ETIMEDOUT', 'ECONNRESET', 'EPIPE'].includes(code)) {
      return fail('CONTROL_FAILED', { path, status: 'none', reason: (error as Error).message }, { cause: error });
    }
    return error;
  }
}
