/** Findings about what is around a site: its database, files, crontab and web server. */
export const surroundingsCatalog = {
  processes: {
    level: 'ok',
    title: '{site}: processes running {running}, waiting {waiting}, locked {locked}',
  },
  'database-away': {
    level: 'problem',
    title: '{site}: the database does not answer ({reason})',
    remedy: 'Check that the database server runs.',
  },
  'table-missing': {
    level: 'problem',
    title: '{site}: the table {table} is missing in the database',
    remedy: 'Enable the module that owns it, or run the update page (update.php) of the site.',
  },
  'rights-missing': {
    level: 'problem',
    title: '{site}: the database user of the site may not change the table {table} ({reason})',
    remedy: 'Grant it SELECT, INSERT, UPDATE and DELETE on that table.',
  },
  'history-in-memory': {
    level: 'warn',
    title:
      '{site}: past runs are kept in memory only, because the database user of the site may not make or change the table {table} ({reason})',
    remedy:
      'Grant it CREATE, SELECT, INSERT and DELETE on that table, then start drupald anew; or set history.max_count to 0 to keep none.',
  },
  'table-engine': {
    level: 'warn',
    title: '{site}: the table {table} is kept by {engine}: a crash of the database server can damage it or lose starts',
    remedy: 'Change it once, while nothing runs: ALTER TABLE {table} ENGINE=InnoDB.',
  },
  connections: {
    level: 'warn',
    title:
      '{site}: {slots} slots need up to {wanted} database connections, more than a third of the {room} that the server allows',
    remedy: 'Lower "slots", or raise max_connections (or max_user_connections) of the database server.',
  },
  clock: {
    level: 'warn',
    title: '{site}: the clock of the database server differs by {offset} s',
    remedy: 'Let both machines take their time from one server; limits by age are wrong by that much.',
  },
  'php-clock': {
    level: 'warn',
    title: "{site}: the clock of the workers' PHP differs by {offset} s",
    remedy:
      'Let PHP and drupald see one clock: a wrapper around the PHP of the site, or a variable in its environment, gives it another.',
  },
  'files-owner': {
    level: 'warn',
    title: '{site}: the public files belong to the user number {owner}, processes run as {user}',
    remedy: 'Run drupald as the user of the web server (--user), so that both can change the same files.',
  },
  'probe-not-placed': {
    level: 'problem',
    title: '{site}: the probe for the web server cannot be put into {root} ({reason})',
    remedy: 'Run "drupald doctor --web" as a user who may write there, for instance root.',
  },
  'probe-unanswered': {
    level: 'problem',
    title: '{site}: the web server does not answer the probe ({reason})',
    remedy: 'Name the address of the web server with --to, and check that it serves PHP files of that folder.',
  },
  'web-same': {
    level: 'ok',
    title: '{site}: the PHP of the web server has the same settings',
  },
  'web-version': {
    level: 'problem',
    title: '{site}: the web server runs PHP {theirs}, the workers run {ours}',
    remedy: 'Name the command line PHP of {branch} in the setting "php" of the site: php: "{branch}".',
  },
  'web-ini': {
    level: 'warn',
    title: '{site}: {setting} is "{theirs}" under the web server, "{ours}" in the workers',
    remedy: 'Set it in the setting "ini" of the site: {setting}: "{theirs}".',
  },
  'web-environment': {
    level: 'warn',
    title: '{site}: the web server sets {name}, which the workers {how}',
    remedy: 'Set it in the setting "env" of the site.',
  },
  'web-extensions': {
    level: 'problem',
    title: "{site}: the web server's PHP has extensions that the workers' lacks: {extensions}",
    remedy: 'Install and enable them for the command line.',
  },
  'web-functions': {
    level: 'problem',
    title: '{site}: functions that the web server allows are disabled in the workers: {functions}',
    remedy:
      'Take them out of disable_functions in the php.ini of the command line, or in the setting "ini" of the site.',
  },
  'web-disabled': {
    level: 'warn',
    title: '{site}: the web server disables functions that processes can call: {functions}',
    remedy:
      'Add them to disable_functions in the setting "ini" of the site, or allow them under the web server; leave pcntl and posix enabled.',
  },
  'web-umask': {
    level: 'warn',
    title: '{site}: files are made with the umask {theirs} under the web server, {ours} in the workers',
    remedy: 'Set the setting "umask" of the site to "{theirs}".',
  },
  'web-clock': {
    level: 'warn',
    title: '{site}: the clock of the web server differs by {offset} s',
    remedy: 'Let both machines take their time from one server; what is due, and how old it is, differs by that much.',
  },
  'web-user': {
    level: 'warn',
    title: '{site}: the web server runs as the user number {theirs}, the workers as {ours}',
    remedy: 'Run drupald as the user of the web server (--user).',
  },
} as const;
