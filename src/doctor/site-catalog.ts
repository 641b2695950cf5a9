/** Findings about the site itself: its boot, its PHP, its modules. */
export const siteCatalog = {
  boots: {
    level: 'ok',
    title: '{site} boots under PHP {php}, module background_process {version}',
  },
  'not-served': {
    level: 'problem',
    title: 'the running daemon does not serve {uris} in {root}',
    remedy: 'Name the site in its configuration and start it anew; what follows was found without it.',
  },
  'does-not-boot': {
    level: 'problem',
    title: '{site} does not boot: {reason}',
    remedy: 'Repair what the reason names; waiting processes run as soon as it boots again.',
  },
  refused: {
    level: 'problem',
    title: '{message} [{error}]',
    remedy: '{remedy}',
  },
  'start-begins': {
    level: 'ok',
    title: '{uri}: a process would begin',
  },
  'start-fails': {
    level: 'problem',
    title: '{uri}: a process would not begin, because {reason}.{suspects}',
    remedy: 'Let that code leave requests of the path bgp-start alone.',
  },
  'kept-loaded': {
    level: 'ok',
    title: '{uri}: new processes find the site loaded',
  },
  'not-kept-loaded': {
    level: 'warn',
    title: '{uri}: the site cannot be kept loaded for new processes, because {reason}; each boots for itself',
    remedy:
      'Nothing has to be done: processes only begin some milliseconds later. To be rid of this line, change what it names or set isolation to "fresh".',
  },
  'request-in-settings': {
    level: 'warn',
    title:
      '{uri}: settings.php reads what differs from request to request ({what}); processes that differ in it boot for themselves',
    remedy: 'Nothing has to be done. Processes begin sooner when settings.php does not look at the request.',
  },
  'fork-needed': {
    level: 'problem',
    title: '{site}: PHP cannot fork, which every isolation but "cold" needs ({functions} missing or disabled)',
    remedy:
      'Install pcntl and posix for the command line and take those functions out of disable_functions, or use the slower isolation "cold".',
  },
  'fork-missing': {
    level: 'warn',
    title: '{site}: PHP cannot fork ({functions} missing or disabled)',
    remedy: 'Install or enable pcntl and posix for the command line; until then only the slow isolation "cold" works.',
  },
  'opcache-missing': {
    level: 'warn',
    title: '{site}: PHP has no opcache on the command line',
    remedy: 'Install the opcache extension: runs start several times faster with it.',
  },
  'pdo-mysql-missing': {
    level: 'problem',
    title: '{site}: PHP has no pdo_mysql on the command line',
    remedy:
      'Install the MySQL extension of PHP for the command line (Debian: php-mysql), or name another PHP in "php".',
  },
  'open-basedir': {
    level: 'warn',
    title: '{site}: open_basedir is set for the command line ({value})',
    remedy: 'Allow the state directory of drupald in it.',
  },
  'memory-limit': {
    level: 'warn',
    title: '{site}: the memory limit is written as "{value}", which Background Batch misreads',
    remedy: 'Write it in megabytes in the setting "ini" of the site, for example memory_limit: 256M.',
  },
  'php-too-new': {
    level: 'warn',
    title: '{site}: PHP {php} is newer than what Drupal {drupal} was made for',
    remedy: 'Update Drupal to {wanted}, or name the PHP of the web server in the setting "php" of the site.',
  },
  'cold-boot-fails': {
    level: 'problem',
    title: '{site}: while PHP has to compile its files anew, it does not boot: {reason}.{deprecated}',
    remedy:
      'Update the module that the file belongs to, or use an older PHP for the site and its web server: pages fail then, and so may processes.',
  },
  'deprecations-early': {
    level: 'warn',
    title:
      '{site}: PHP calls places of the site deprecated before Drupal is up ({count}; the first: {first}); with hook_watchdog in {watchers} that can end a page or a process with an error',
    remedy:
      'Update the module that the file belongs to, use an older PHP for the site and its web server, or hide it from both by "error_reporting(E_ALL & ~E_DEPRECATED);" in settings.php.',
  },
  deprecations: {
    level: 'ok',
    title: '{site}: PHP calls places of the site deprecated, which goes to the log only ({count}; the first: {first})',
  },
  maintenance: {
    level: 'warn',
    title: '{site} is in maintenance mode',
    remedy: 'Processes whose owner may not use it then wait; switch it off to let them run.',
  },
  'database-copied': {
    level: 'warn',
    title: '{site}: its database is a copy of one that was served elsewhere',
    remedy: 'What already waited in it is left alone; run "drupald adopt" to let it run here.',
  },
  'installation-unfinished': {
    level: 'problem',
    title: '{site}: its installation is not finished',
    remedy: 'Finish it with install.php.',
  },
  'cache-backends': {
    level: 'ok',
    title: '{site}: caches live in {backends}; each process opens its own connection',
  },
  'lock-api': {
    level: 'warn',
    title: '{site}: locks are kept by {file}, not in the table semaphore',
    remedy:
      'The locks of a process that was killed end by their own time there; drupald removes only those in the table.',
  },
  'status-page-twin': {
    level: 'warn',
    title:
      '{site}: the module Background Process Apache Server Status compares "{value}" with "name:port" on the status page of {host} and unlocks living processes',
    remedy:
      'Write the http_host of {host} with its port, or disable that module: drupald sees its own processes die, and reads the same pages for those of other hosts.',
  },
  'has-js': {
    level: 'warn',
    title: '{site}: pages do not set the has_js cookie, so every visitor of a batch gets the page without JavaScript',
    remedy:
      "Set $conf['set_has_js_cookie'] = TRUE in settings.php: a batch then polls instead of loading whole pages. Or enable the module of drupald, which needs no cookie.",
  },
} as const;
