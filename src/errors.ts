/**
 * Every error that an operator or a caller can meet, in one place: a code that never changes, a
 * sentence that says what happened and where, and a sentence that says what to do about it.
 * docs/errors.md is written from this catalogue.
 */

/** One entry of the catalogue. Words in braces in the two sentences are filled in by `fail`. */
export interface ErrorEntry {
  /** Stable name for scripts and searches. */
  readonly code: `DRUPALD_${string}`;
  /** What happened, and where. */
  readonly message: string;
  /** What the operator can do. */
  readonly remedy: string;
  /** Status of the answer when the error ends an HTTP request. */
  readonly httpStatus?: number;
  /** 1: failed. 2: wrong use or configuration. 75: temporary, try again later. */
  readonly exitCode: 1 | 2 | 75;
}

export const errorCatalog = {
  CONFIG_UNKNOWN_KEY: {
    code: 'DRUPALD_CONFIG_UNKNOWN_KEY',
    message: 'The setting "{key}" in {source} is not known{suggestion}.',
    remedy: 'Correct or remove it; "drupald config show" lists every setting.',
    exitCode: 2,
  },
  CONFIG_WRONG_TYPE: {
    code: 'DRUPALD_CONFIG_WRONG_TYPE',
    message: 'The setting "{key}" in {source} was given {given}, but must be {expected}.',
    remedy: 'Write it for example as {example}.',
    exitCode: 2,
  },
  CONFIG_MISSING: {
    code: 'DRUPALD_CONFIG_MISSING',
    message: 'No site is configured: {detail}.',
    remedy: 'Name a site with "--root DIR --uri URL" or with "sites:" in the configuration file.',
    exitCode: 2,
  },
  CONFIG_FILE_UNREADABLE: {
    code: 'DRUPALD_CONFIG_FILE_UNREADABLE',
    message: 'The configuration file {file} cannot be read ({reason}).',
    remedy: 'Check the path and that the user who starts drupald may read it.',
    exitCode: 2,
  },
  CONFIG_INVALID_YAML: {
    code: 'DRUPALD_CONFIG_INVALID_YAML',
    message: 'The configuration file {file} is not valid YAML: {reason}.',
    remedy: 'Correct the named line; "drupald config check" reads the file without starting anything.',
    exitCode: 2,
  },
  ROOT_NOT_DRUPAL: {
    code: 'DRUPALD_ROOT_NOT_DRUPAL',
    message: 'The folder {root} holds no Drupal ({reason}).',
    remedy: 'Let --root name the folder that holds index.php and includes/bootstrap.inc.',
    exitCode: 2,
  },
  ROOT_UNREADABLE: {
    code: 'DRUPALD_ROOT_UNREADABLE',
    message: 'The folder {root} cannot be read ({reason}).',
    remedy: 'Check the path and that the user {user} may read it and every folder above it.',
    exitCode: 2,
  },
  URI_INVALID: {
    code: 'DRUPALD_URI_INVALID',
    message: 'The URI "{uri}" is not an address of a site ({reason}).',
    remedy: 'Write it as the browser shows it, for example https://www.example.com or http://localhost/shop.',
    exitCode: 2,
  },
  URI_WITHOUT_SITE_FOLDER: {
    code: 'DRUPALD_URI_WITHOUT_SITE_FOLDER',
    message: 'The URI {uri} belongs to no folder below {root}/sites that has a settings.php.',
    remedy: 'Correct the URI, or add the folder or an entry in sites/sites.php.',
    exitCode: 2,
  },
  MODULE_NOT_ENABLED: {
    code: 'DRUPALD_MODULE_NOT_ENABLED',
    message: 'The module {module} is not enabled on {uri}.',
    remedy: 'Enable it on the site ("drush en {module}", or on the page admin/modules).',
    exitCode: 2,
  },
  MODULE_VERSION_UNSUPPORTED: {
    code: 'DRUPALD_MODULE_VERSION_UNSUPPORTED',
    message: 'The module {module} on {uri} has version {version}, which is not supported.',
    remedy: 'Update the module to {supported}.',
    exitCode: 2,
  },
  DRUPAL_VERSION_UNSUPPORTED: {
    code: 'DRUPALD_DRUPAL_VERSION_UNSUPPORTED',
    message: 'The site in {root} is Drupal {version}, which is not supported.',
    remedy: 'Use a site of {supported}.',
    exitCode: 2,
  },
  PORT_IN_USE: {
    code: 'DRUPALD_PORT_IN_USE',
    message: 'The address {address} is taken by another program.',
    remedy: 'Stop that program ("ss -ltnp" names it), or choose another address with --listen.',
    exitCode: 2,
  },
  LISTEN_FAILED: {
    code: 'DRUPALD_LISTEN_FAILED',
    message: 'The address {address} cannot be listened on ({reason}).',
    remedy: 'Choose an address of this machine, and a port that the user may open, with --listen.',
    exitCode: 2,
  },
  ALREADY_RUNNING: {
    code: 'DRUPALD_ALREADY_RUNNING',
    message: 'Another drupald{who} already serves {address}.',
    remedy: 'Stop it first, or give this one another --listen and --state-dir.',
    exitCode: 2,
  },
  DATABASE_CREDENTIALS: {
    code: 'DRUPALD_DATABASE_CREDENTIALS',
    message: 'The database of {uri} refuses the user name and password of settings.php ({reason}).',
    remedy:
      'Correct $databases in settings.php, or the grants of that database user. If settings.php takes them from the environment, name its variables in "env" of the site: no others are passed on.',
    exitCode: 2,
  },
  DATABASE_UNREACHABLE: {
    code: 'DRUPALD_DATABASE_UNREACHABLE',
    message: 'The database of {uri} cannot be reached ({reason}).',
    remedy:
      'Check that the database server runs and answers at the address in settings.php. If settings.php takes that from the environment, name its variables in "env" of the site: no others are passed on.',
    httpStatus: 503,
    exitCode: 75,
  },
  DATABASE_READ_ONLY: {
    code: 'DRUPALD_DATABASE_READ_ONLY',
    message: 'The database of {uri} takes no changes ({reason}).',
    remedy: 'Make the server writable (read_only), or name the right one in settings.php; all work waits until then.',
    exitCode: 75,
  },
  DATABASE_CONNECTIONS: {
    code: 'DRUPALD_DATABASE_CONNECTIONS',
    message: 'The database of {uri} has no connection left ({reason}).',
    remedy: 'Look who holds them (SHOW PROCESSLIST), lower slots, or raise the limit; work waits until then.',
    exitCode: 75,
  },
  DATABASE_SLOW: {
    code: 'DRUPALD_DATABASE_SLOW',
    message: 'The database of {uri} is slow: a statement took {seconds} s.',
    remedy: 'Look at its load and its locks (SHOW FULL PROCESSLIST), and at the network between.',
    exitCode: 75,
  },
  DATABASE_UNSUPPORTED: {
    code: 'DRUPALD_DATABASE_UNSUPPORTED',
    message: 'The database of {uri} uses the driver "{driver}", which is not supported.',
    remedy: 'Use MySQL or MariaDB for the connection that holds the table background_process.',
    exitCode: 2,
  },
  TABLE_MISSING: {
    code: 'DRUPALD_TABLE_MISSING',
    message: 'The table {table} is missing in the database of {uri}.',
    remedy: 'Enable the module that owns it, or run the update page (update.php) of the site.',
    exitCode: 2,
  },
  ROOT_USER_REQUIRED: {
    code: 'DRUPALD_ROOT_USER_REQUIRED',
    message: 'drupald was started as root without a user to run the code of the sites as.',
    remedy: 'Add --user with the user of the web server, for example --user www-data.',
    exitCode: 2,
  },
  USER_UNKNOWN: {
    code: 'DRUPALD_USER_UNKNOWN',
    message: 'The user "{user}" cannot be used to run sites ({reason}).',
    remedy: 'Let --user name an existing user other than root; changing users needs root.',
    exitCode: 2,
  },
  STATE_DIR_UNUSABLE: {
    code: 'DRUPALD_STATE_DIR_UNUSABLE',
    message: 'The state directory {dir} cannot be used ({reason}).',
    remedy: 'Choose a folder that the user of drupald owns with --state-dir, with a path shorter than 90 bytes.',
    exitCode: 2,
  },
  STATE_DIR_FULL: {
    code: 'DRUPALD_STATE_DIR_FULL',
    message: 'The ledger in {dir} cannot be written ({reason}): a next daemon would not know what runs.',
    remedy: 'Make room on that file system; what was not written is written then.',
    exitCode: 75,
  },
  MACHINE_EXHAUSTED: {
    code: 'DRUPALD_MACHINE_EXHAUSTED',
    message: 'The machine has no process or file left for {uri} ({reason}).',
    remedy: 'Raise LimitNPROC or LimitNOFILE of the service (ulimit -u, -n), or lower slots; work waits until then.',
    exitCode: 75,
  },
  PHP_NOT_FOUND: {
    code: 'DRUPALD_PHP_NOT_FOUND',
    message: 'The PHP program "{php}" for {root} was not found.',
    remedy: 'Install the command line version of PHP, or name it with --php.',
    exitCode: 2,
  },
  PHP_UNUSABLE: {
    code: 'DRUPALD_PHP_UNUSABLE',
    message: 'The PHP program "{php}" cannot run {root} ({reason}).',
    remedy: 'Name the PHP of the web server with --php, and install the extensions that it lacks.',
    exitCode: 2,
  },
  SITE_CANNOT_BOOT: {
    code: 'DRUPALD_SITE_CANNOT_BOOT',
    message: 'Drupal does not start for {uri}: {reason}.',
    remedy: 'Open the site in a browser and repair what its error log names; waiting work waits meanwhile.',
    httpStatus: 503,
    exitCode: 75,
  },
  WORKER_PROTOCOL: {
    code: 'DRUPALD_WORKER_PROTOCOL',
    message: 'A PHP worker sent what the daemon does not understand: {reason}.',
    remedy: 'Restart drupald so that daemon and php-shim are of one version; report it if it returns.',
    exitCode: 1,
  },
  WORKER_START_TIMEOUT: {
    code: 'DRUPALD_WORKER_START_TIMEOUT',
    message: 'A PHP worker for {uri} was not ready within {limit}.',
    remedy: 'Look at the load of the machine and the database, or raise worker.boot_timeout.',
    exitCode: 75,
  },
  DAEMON_NOT_RUNNING: {
    code: 'DRUPALD_DAEMON_NOT_RUNNING',
    message: 'No drupald answers on {socket}.',
    remedy: 'Start it with "drupald serve", or name the running one with --listen, --state-dir or --config.',
    exitCode: 1,
  },
  DAEMON_ELSEWHERE: {
    code: 'DRUPALD_DAEMON_ELSEWHERE',
    message: 'A drupald answers on {address}, but its state is not in {folder}.',
    remedy:
      'Name its state directory with --state-dir (or "state_dir" in the file), as the service that starts it does.',
    exitCode: 2,
  },
  CONTROL_DENIED: {
    code: 'DRUPALD_CONTROL_DENIED',
    message: 'The daemon refused the control token from {file}.',
    remedy: 'Run the command as the user of the daemon, or as root.',
    httpStatus: 401,
    exitCode: 1,
  },
  CONTROL_FAILED: {
    code: 'DRUPALD_CONTROL_FAILED',
    message: 'The daemon answered {path} with status {status} ({reason}).',
    remedy: 'Look into the log of the daemon at this time.',
    exitCode: 1,
  },
  OPTION_INVALID: {
    code: 'DRUPALD_OPTION_INVALID',
    message: 'The flag {flag} was given "{given}", but must be {expected}{suggestion}.',
    remedy: 'Write it for example as {example}.',
    httpStatus: 400,
    exitCode: 2,
  },
  SITE_UNKNOWN: {
    code: 'DRUPALD_SITE_UNKNOWN',
    message: 'The daemon serves no site {site}.',
    remedy: 'Name it by one of its addresses. Served are {known}.',
    httpStatus: 404,
    exitCode: 2,
  },
  HANDLE_UNKNOWN: {
    code: 'DRUPALD_HANDLE_UNKNOWN',
    message: 'No process {handle} waits, runs or stands in the history.',
    remedy:
      'Write the name as "drupald ps" or "drupald history" shows it; old runs leave the history (history.max_age, history.max_count).',
    httpStatus: 404,
    exitCode: 1,
  },
  START_MALFORMED: {
    code: 'DRUPALD_START_MALFORMED',
    message: 'The address of the request is not one of a start.',
    remedy: 'Starts are sent to bgp-start/HANDLE/TOKEN below the base path of a site.',
    httpStatus: 400,
    exitCode: 1,
  },
  START_NOT_FOUND: {
    code: 'DRUPALD_START_NOT_FOUND',
    message: 'The address is not served here.',
    remedy: 'Proxy only bgp-start/ to drupald; the pages of the site stay with its web server.',
    httpStatus: 404,
    exitCode: 1,
  },
  PROCESS_NOT_HERE: {
    code: 'DRUPALD_PROCESS_NOT_HERE',
    message: 'No process {handle} runs or waits in this daemon.',
    remedy: 'Look at "drupald ps"; one that runs under the web server is ended there.',
    httpStatus: 404,
    exitCode: 1,
  },
  PROCESS_NOT_ASIDE: {
    code: 'DRUPALD_PROCESS_NOT_ASIDE',
    message: 'No start of the process {handle} is set aside in this daemon.',
    remedy: 'Look at "drupald ps"; a process that has ended is started anew from the site.',
    httpStatus: 404,
    exitCode: 1,
  },
  HANDLE_AMBIGUOUS: {
    code: 'DRUPALD_HANDLE_AMBIGUOUS',
    message: 'Several sites have a process {handle}: {sites}.',
    remedy: 'Name one of them with --site.',
    httpStatus: 409,
    exitCode: 2,
  },
  START_UNKNOWN_PROCESS: {
    code: 'DRUPALD_START_UNKNOWN_PROCESS',
    message: 'There is no process {handle} in the database of the site.',
    remedy: 'Nothing, if it has ended already; else check that drupald and the web server use one database.',
    httpStatus: 404,
    exitCode: 1,
  },
  START_DENIED: {
    code: 'DRUPALD_START_DENIED',
    message: 'The token of the start of {handle} is wrong.',
    remedy: 'Nothing for a repeated or guessed request; else start the process again from the site.',
    httpStatus: 403,
    exitCode: 1,
  },
  START_FOREIGN_HOST: {
    code: 'DRUPALD_START_FOREIGN_HOST',
    message: 'The host "{host}" belongs to no site of this daemon.',
    remedy: 'Add the address as --uri of its site, or to "serves", and restart drupald.',
    httpStatus: 421,
    exitCode: 1,
  },
  START_NOT_STARTABLE: {
    code: 'DRUPALD_START_NOT_STARTABLE',
    message: 'The process {handle} is not waiting for a start ({reason}).',
    remedy: 'Nothing: it runs already, or is locked by its owner.',
    httpStatus: 409,
    exitCode: 1,
  },
  START_BACKLOG_FULL: {
    code: 'DRUPALD_START_BACKLOG_FULL',
    message: 'The waiting list is full ({count} starts); the process {handle} was left as it is.',
    remedy: 'Raise slots or backlog.max, or find what starts so many processes.',
    httpStatus: 503,
    exitCode: 75,
  },
  START_UNAVAILABLE: {
    code: 'DRUPALD_START_UNAVAILABLE',
    message: 'Starts cannot be taken now ({reason}).',
    remedy: 'Try again in a moment; "drupald doctor" shows what is wrong.',
    httpStatus: 503,
    exitCode: 75,
  },
} as const satisfies Record<string, ErrorEntry>;

/** Short name of an error, as the code of this program uses it. */
export type ErrorName = keyof typeof errorCatalog;

/** Public code of an error: `DRUPALD_` and the short name. */
export type ErrorCode = `DRUPALD_${ErrorName}`;

/** Values for the words in braces. */
export type ErrorParams = Readonly<Record<string, unknown>>;

/** An error from the catalogue; everything else that is thrown is a defect or comes from outside. */
export class DrupaldError extends Error {
  override readonly name = 'DrupaldError';
  readonly code: ErrorCode;
  /** Status of the answer when the error ends an HTTP request. */
  readonly httpStatus?: number;
  /** One sentence: what the operator can do. */
  readonly remedy: string;
  /** The values that the sentences were made from. */
  readonly details: Record<string, unknown>;
  /** Exit code of a command that ends with this error. */
  readonly exitCode: number;

  constructor(entry: ErrorEntry, params: ErrorParams = {}, options: ErrorOptions = {}) {
    super(fill(entry.message, params), options);
    this.code = entry.code as ErrorCode;
    this.remedy = fill(entry.remedy, params);
    this.details = { ...params };
    this.exitCode = entry.exitCode;
    if (entry.httpStatus !== undefined) this.httpStatus = entry.httpStatus;
  }
}

/**
 * Makes an error from the catalogue. The caller throws it, so that the compiler sees the end of
 * the path: `throw fail('PORT_IN_USE', { address })`.
 *
 * @param name short name of the entry
 * @param params values for the words in braces; a missing one is shown as "?"
 */
export function fail(name: ErrorName, params: ErrorParams = {}, options: { cause?: unknown } = {}): DrupaldError {
  return new DrupaldError(errorCatalog[name], params, options.cause === undefined ? {} : { cause: options.cause });
}

/** Whether a thrown value is the named error of the catalogue. */
export function isError(value: unknown, code: ErrorName): value is DrupaldError {
  return value instanceof DrupaldError && value.code === `DRUPALD_${code}`;
}

function fill(template: string, params: ErrorParams): string {
  return template.replace(/\{(\w+)\}/g, (_whole, word: string) => {
    const value = params[word];
    if (value === undefined || value === null) return '?';
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}
