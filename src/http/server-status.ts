/** A process that runs, as one line of the page. */
export interface StatusWorker {
  readonly pid: number | undefined;
  /** Milliseconds since 1970 at which it was given to its worker. */
  readonly since: number;
  /** Seconds of CPU that its worker has used. */
  readonly cpu: number;
  /** Address of who asked for it. */
  readonly client: string;
  /** The Host header of its start. */
  readonly host: string;
  /** The address of its start without the token, one character for each byte; several spellings are several lines. */
  readonly targets: readonly string[];
}

/** What the page tells, at one moment. */
export interface ServerStatus {
  readonly version: string;
  /** Host header of the request for the page. */
  readonly host: string;
  /** Who asks for the page. */
  readonly peer: string;
  /** The first line of that request without its protocol, such as `GET /server-status`. */
  readonly request: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds since 1970 at which the daemon was started. */
  readonly startedAt: number;
  /** The machine's, of 1, 5 and 15 minutes. */
  readonly load: readonly number[];
  /** Seconds of CPU of the daemon itself. */
  readonly cpu: { readonly user: number; readonly system: number };
  /** Requests answered, and bytes sent with them. */
  readonly accesses: number;
  readonly bytes: number;
  readonly workers: readonly StatusWorker[];
  /** How many more could begin at once. */
  readonly idle: number;
  /** Starts that wait for a slot. */
  readonly waiting: number;
}

/** An answer that can be sent. */
export interface StatusAnswer {
  readonly type: string;
  readonly text: string;
}

/** Columns of the first table; the module finds its cells by them (contract §4). */
const columns = 'Srv PID Acc M CPU SS Req Dur Conn Child Slot Client Protocol VHost Request'.split(' ');

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Lines of Apache's scoreboard have so many signs. */
const boardWidth = 64;

/**
 * Whether a request is for the page. The module asks by its own functions for addresses of Drupal, which
 * add a slash, a language, or without clean URLs `?q=`.
 */
export function isStatusUrl(url: string): boolean {
  const target = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return (
    /^\/server-status(\/+[\w-]*)?\/*(\?.*)?$/.test(target) ||
    /^\/(index\.php)?\?(.*&)?q=server-status(\/[^&]*)?(&.*)?$/.test(target)
  );
}

/** Whether a request for the page asks for the short one that programs read. */
export function asksForAuto(url: string): boolean {
  const mark = url.indexOf('?');
  return mark >= 0 && new URLSearchParams(url.slice(mark)).has('auto');
}

/** The page, as Apache's mod_status of 2.4 with ExtendedStatus writes it. */
export function statusPage(status: ServerStatus): StatusAnswer {
  const { version, host, now, startedAt, accesses, bytes, load, workers, idle } = status;
  const uptime = uptimeOf(status);
  const busy = workers.length;
  const lists = [
    [`Server Version: drupald/${version}`, 'Server MPM: drupald'],
    [
      `Current Time: ${apacheTime(now)}`,
      `Restart Time: ${apacheTime(startedAt)}`,
      'Parent Server Config. Generation: 1',
      'Parent Server MPM Generation: 0',
      `Server uptime:  ${uptimeWords(uptime)}`,
      `Server load: ${load.map((value) => value.toFixed(2)).join(' ')}`,
      `Total accesses: ${accesses} - Total Traffic: ${(bytes / 1024).toFixed(0)} kB`,
      `CPU Usage: u${status.cpu.user.toFixed(2)} s${status.cpu.system.toFixed(2)} - ${cpuLoad(status)}% CPU load`,
      `${rate(accesses, uptime)} requests/sec - ${rate(bytes, uptime)} B/second - ${rate(bytes, accesses)} B/request`,
      `${busy} requests currently being processed, ${idle} idle workers`,
    ],
  ];
  const title = `Apache Server Status for ${escape(host)}`;
  const text = [
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">',
    '<html><head>',
    `<title>${title}</title>`,
    '</head><body>',
    `<h1>${title}</h1>`,
    '',
    ...lists.flatMap((terms) => ['<dl>', ...terms.map((term) => `<dt>${escape(term)}</dt>`), '</dl>']),
    `<pre>${board(busy, idle).replace(new RegExp(`.{${boardWidth}}`, 'g'), '$&\n')}</pre>`,
    '<p>Scoreboard Key:<br />',
    '"<b><code>_</code></b>" a slot that is free, "<b><code>W</code></b>" a process of Background Process that runs</p>',
    '<table border="0"><tr>' + columns.map((name) => `<th>${name}</th>`).join('') + '</tr>',
    ...workers.flatMap((worker, index) => worker.targets.map((target) => line(status, worker, index, target))),
    // Never empty: the module takes a page without lines for one that it cannot read.
    ownLine(status),
    '</table>',
    '<hr />',
    `<address>drupald/${escape(version)}</address>`,
    '</body></html>',
    '',
  ].join('\n');
  return { type: 'text/html; charset=ISO-8859-1', text };
}

/** The short page (`?auto`). */
export function statusAuto(status: ServerStatus): StatusAnswer {
  const { version, host, now, startedAt, accesses, bytes, load, cpu, workers, idle, waiting } = status;
  const uptime = uptimeOf(status);
  const [one = 0, five = 0, fifteen = 0] = load;
  const lines: readonly (readonly [string, string | number])[] = [
    ['ServerVersion', `drupald/${version}`],
    ['ServerMPM', 'drupald'],
    ['CurrentTime', apacheTime(now)],
    ['RestartTime', apacheTime(startedAt)],
    ['ParentServerConfigGeneration', 1],
    ['ParentServerMPMGeneration', 0],
    ['ServerUptimeSeconds', uptime],
    ['ServerUptime', uptimeWords(uptime)],
    ['Load1', one.toFixed(2)],
    ['Load5', five.toFixed(2)],
    ['Load15', fifteen.toFixed(2)],
    ['Total Accesses', accesses],
    ['Total kBytes', (bytes / 1024).toFixed(0)],
    ['CPUUser', cpu.user.toFixed(2)],
    ['CPUSystem', cpu.system.toFixed(2)],
    ['CPULoad', cpuLoad(status)],
    ['Uptime', uptime],
    ['ReqPerSec', rate(accesses, uptime)],
    ['BytesPerSec', rate(bytes, uptime)],
    ['BytesPerReq', rate(bytes, accesses)],
    ['BusyWorkers', workers.length],
    ['IdleWorkers', idle],
    // Apache has no such line; the balancer of drupald's module reads it.
    ['WaitingProcesses', waiting],
    ['Scoreboard', board(workers.length, idle)],
  ];
  const text = [logText(host), ...lines.map(([name, value]) => `${name}: ${value}`), ''].join('\n');
  return { type: 'text/plain; charset=ISO-8859-1', text };
}

function line(status: ServerStatus, worker: StatusWorker, index: number, target: string): string {
  const seconds = Math.max(0, Math.floor((status.now - worker.since) / 1000));
  return row([
    `${index}-0`,
    // Apache writes so while a child has no process.
    worker.pid === undefined ? '-' : String(worker.pid),
    '0/0/0',
    'W',
    worker.cpu.toFixed(2),
    String(seconds),
    '0',
    '0',
    '0.0',
    '0.00',
    '0.00',
    worker.client,
    'http/1.0',
    worker.host,
    `POST ${target} HTTP/1.0`,
  ]);
}

function ownLine(status: ServerStatus): string {
  const { pid, cpu, peer, host, request, workers, accesses } = status;
  const used = (cpu.user + cpu.system).toFixed(2);
  const ends = ['0', '0', '0', '0.0', '0.00', '0.00', peer, 'http/1.1', host, `${request} HTTP/1.1`];
  return row([`${workers.length}-0`, String(pid), `0/${accesses}/${accesses}`, 'W', used, ...ends]);
}

/** The state is bold, as Apache has it for a worker that works. */
function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell, index) => (index === 3 ? `<td><b>${escape(cell)}</b></td>` : `<td>${escape(cell)}</td>`)).join('')}</tr>`;
}

function uptimeOf({ now, startedAt }: ServerStatus): number {
  return Math.max(0, Math.floor((now - startedAt) / 1000));
}

function cpuLoad(status: ServerStatus): string {
  const { user, system } = status.cpu;
  return ((100 * (user + system)) / Math.max(1, uptimeOf(status))).toFixed(2);
}

function rate(amount: number, per: number): string {
  return per === 0 ? '0' : (amount / per).toPrecision(3);
}

function board(busy: number, idle: number): string {
  return 'W'.repeat(busy) + '_'.repeat(idle);
}

/** `Saturday, 21-Nov-2026 19:20:01 UTC` */
function apacheTime(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(date.getUTCDate())}-${months[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${days[date.getUTCDay()]}, ${day} ${clock} UTC`;
}

/** `2 days 3 hours 1 minute 5 seconds`: only the parts that there are. */
function uptimeWords(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'day'],
    [Math.floor(seconds / 3_600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ];
  const words = parts.filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}${n === 1 ? '' : 's'}`);
  return words.length === 0 ? '0 seconds' : words.join(' ');
}

/** As Apache writes what came over the wire: printable, one line, each other byte as \\xNN. */
function logText(text: string): string {
  return text
    .replace(/\\/g, '\\\\')
    .replace(/[^ -~]/g, (sign) => `\\x${(sign.charCodeAt(0) & 0xff).toString(16).padStart(2, '0')}`);
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return logText(text).replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}
