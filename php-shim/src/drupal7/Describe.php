<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\Forker;
use Drupald\Parting;
use Drupald\Surroundings;

require_once __DIR__ . '/QueueInfo.php';
require_once __DIR__ . '/Suspects.php';

/**
 * Tells the daemon what a site is: its databases first, then, booted, its facts.
 */
class Describe {

  private static $tables = array(
    'background_process', 'progress', 'semaphore', 'variable', 'system', 'users', 'watchdog', 'queue', 'batch',
  );

  private static $modules = array(
    'background_process', 'progress', 'background_batch', 'background_process_ass', 'ultimate_cron', 'dblog', 'syslog', 'drupald',
  );

  /** Variables that settings.php may fix, and that the daemon reads from their table. */
  private static $overridable = array(
    'cron_last', 'cron_safe_threshold', 'cron_lock_expiration_timeout', 'maintenance_mode', 'install_task',
  );

  private $job;
  private $channel;
  private $forked;
  private $boot;
  private $booted = FALSE;
  private $deprecations;
  private $surroundings;

  /** Files that settings.php is made of, and Drupal's own of its phase. */
  private $files = array();

  public function __construct(array $job, Channel $channel, $forked) {
    $this->job = $job;
    $this->channel = $channel;
    $this->forked = $forked;
    $this->boot = new Boot($channel);
    if (!empty($job['deprecations'])) {
      require_once __DIR__ . '/Deprecations.php';
      $this->deprecations = new Deprecations();
    }
  }

  public function perform() {
    Parting::with(array($this, 'shutdown'));
    // Before Drupal and settings.php change them: the web server's are read without Drupal, too.
    $this->surroundings = Surroundings::look();
    if (!is_file('includes/bootstrap.inc') || !is_file('index.php')) {
      $this->problem('not-drupal');
    }
    if ($this->deprecations) {
      Deprecations::compileAnew();
    }
    try {
      Boot::load();
      if (!defined('VERSION') || (int) VERSION !== 7) {
        $this->problem('drupal-version', array('version' => defined('VERSION') ? VERSION : 'unknown'));
      }
      $before = get_included_files();
      drupal_bootstrap(DRUPAL_BOOTSTRAP_CONFIGURATION);
      $this->files = array_values(array_diff(get_included_files(), $before));
    }
    catch (\Exception $error) {
      $this->problem('settings', array('message' => $error->getMessage()));
    }
    catch (\Throwable $error) {
      $this->problem('settings', array('message' => $error->getMessage() . ' in ' . $error->getFile() . ':' . $error->getLine()));
    }
    $this->channel->send(array('type' => 'settings') + $this->settings());
    if (empty($GLOBALS['databases']['default'])) {
      $this->problem('no-database');
    }
    if ($this->deprecations) {
      $this->deprecations->watch();
    }
    if (!$this->boot->full($this->job)) {
      exit(1);
    }
    $this->booted = TRUE;
    if ($this->deprecations) {
      $this->deprecations->loadClasses();
      exit(0);
    }
    try {
      $this->channel->send(array('type' => 'facts') + $this->facts());
    }
    catch (\Exception $error) {
      $this->problem('facts', array('message' => $error->getMessage()));
    }
    exit(0);
  }

  private function problem($what, array $more = array()) {
    $this->booted = TRUE;
    $this->channel->send(array('type' => 'problem', 'what' => $what) + $more);
    exit(0);
  }

  public function shutdown() {
    if (!$this->booted) {
      $this->boot->ended(error_get_last());
    }
    if ($this->deprecations) {
      // Here, because a class that cannot be loaded can end PHP.
      $this->channel->send(array('type' => 'deprecations') + $this->deprecations->found(error_get_last()));
    }
    $leaving = new Leaving($this->channel, $this->forked);
    $leaving->arm();
  }

  /** What settings.php says; needs no database. */
  private function settings() {
    $folder = conf_path();
    $databases = array();
    foreach (array('default', 'background_process') as $key) {
      if (isset($GLOBALS['databases'][$key]['default'])) {
        $databases[$key] = $this->database($GLOBALS['databases'][$key]['default']);
      }
    }
    return array(
      'version' => VERSION,
      'folder' => $folder,
      'hasSettings' => is_file(DRUPAL_ROOT . '/' . $folder . '/settings.php'),
      'baseUrl' => $GLOBALS['base_url'],
      'files' => $this->files,
      'overrides' => (object) array_intersect_key((array) $GLOBALS['conf'], array_flip(self::$overridable)),
      'databases' => $databases,
      'pdoMysql' => extension_loaded('pdo_mysql'),
    );
  }

  private function database($info) {
    if (isset($info[0])) {
      // Several servers under one name: Drupal picks one at random, we the first.
      $info = $info[0];
    }
    $info += array('driver' => '', 'host' => '', 'port' => '', 'unix_socket' => '', 'username' => '', 'password' => '', 'database' => '', 'prefix' => '', 'charset' => '', 'collation' => '', 'pdo' => array());
    $tables = array();
    foreach (self::$tables as $table) {
      $prefix = $info['prefix'];
      if (is_array($prefix)) {
        $prefix = isset($prefix[$table]) ? $prefix[$table] : (isset($prefix['default']) ? $prefix['default'] : '');
      }
      $tables[$table] = $prefix . $table;
    }
    $socket = $info['unix_socket'];
    if ($socket === '' && $info['host'] === 'localhost') {
      // To PDO "localhost" means its default socket, to others a TCP port.
      $socket = (string) ini_get('pdo_mysql.default_socket');
    }
    return array(
      'driver' => $info['driver'],
      'host' => (string) $info['host'],
      'port' => (int) $info['port'],
      'socket' => (string) $socket,
      'user' => (string) $info['username'],
      'password' => (string) $info['password'],
      'database' => (string) $info['database'],
      'charset' => (string) ($info['charset'] !== '' ? $info['charset'] : 'utf8'),
      'encrypted' => defined('PDO::MYSQL_ATTR_SSL_CA') && (isset($info['pdo'][\PDO::MYSQL_ATTR_SSL_CA]) || isset($info['pdo'][\PDO::MYSQL_ATTR_SSL_KEY])),
      'tables' => $tables,
    );
  }

  /** What only a booted site knows. */
  private function facts() {
    $modules = array();
    foreach (self::$modules as $name) {
      $row = db_query("SELECT status, schema_version, info FROM {system} WHERE type = 'module' AND name = :name", array(':name' => $name))->fetchObject();
      if ($row) {
        $info = @unserialize($row->info);
        $modules[$name] = array(
          'enabled' => module_exists($name),
          'schema' => (int) $row->schema_version,
          'version' => is_array($info) && isset($info['version']) ? (string) $info['version'] : '',
        );
      }
    }
    $has_module = function_exists('background_process_get_service_hosts');
    $hosts = array();
    foreach ($has_module ? background_process_get_service_hosts() : array() as $name => $host) {
      $hosts[$name] = array(
        'baseUrl' => isset($host['base_url']) ? (string) $host['base_url'] : '',
        'httpHost' => isset($host['http_host']) ? (string) $host['http_host'] : '',
      );
    }
    return array(
      'modules' => $modules,
      'serviceHosts' => $hosts ? $hosts : new \stdClass(),
      'serviceGroups' => $this->serviceGroups(),
      'claims' => $has_module && function_exists('background_process_service_execute'),
      'cron' => function_exists('drupal_cron_run'),
      'ultimateCron' => Site::ultimateCron(),
      'connectionTimeout' => (float) variable_get('background_process_connection_timeout', 2),
      'statusMaxAge' => (float) variable_get('background_process_ass_max_age', 30),
      'timeZone' => date_default_timezone_get(),
      'time' => microtime(TRUE),
      'maintenance' => (bool) variable_get('maintenance_mode', 0),
      'installTask' => (string) variable_get('install_task', ''),
      'cleanUrls' => (bool) variable_get('clean_url', 0),
      'lockApi' => (string) variable_get('lock_inc', 'includes/lock.inc'),
      'boots' => array_values(module_implements('boot')),
      'queues' => QueueInfo::facts(),
      'watchers' => array_values(module_implements('watchdog')),
      'inits' => array_values(module_implements('init')),
      'listeners' => array_values(module_implements('background_process_shutdown')),
      'cacheBackends' => array_values(array_map('strval', (array) variable_get('cache_backends', array()))),
      'sessionApi' => (string) variable_get('session_inc', 'includes/session.inc'),
      'mixedHttps' => (bool) variable_get('https', FALSE),
      'jsCookie' => (bool) variable_get('set_has_js_cookie', FALSE),
      'filesOwner' => $this->filesOwner(),
      'suspects' => array_merge(Suspects::of('boot'), Suspects::of('init')),
      'surroundings' => $this->surroundings,
      'columns' => $has_module ? $this->columns() : array(),
      'php' => array(
        'version' => PHP_VERSION,
        'memoryLimit' => (string) ini_get('memory_limit'),
        'disabled' => (string) ini_get('disable_functions'),
        'openBasedir' => (string) ini_get('open_basedir'),
        'opcache' => (bool) ini_get('opcache.enable_cli'),
        'missing' => Forker::missing(),
        'extensions' => get_loaded_extensions(),
        'user' => function_exists('posix_geteuid') ? posix_geteuid() : -1,
      ),
    );
  }

  /** Names of the columns; none when the table is missing. */
  private function columns() {
    $names = array();
    try {
      foreach (Site::processConnection()->query('SHOW COLUMNS FROM {background_process}') as $column) {
        $names[] = $column->Field;
      }
    }
    catch (\PDOException $error) {
      return array();
    }
    return $names;
  }

  /** Names of the hosts of each service group that is configured; the module makes up another one where none is. */
  private function serviceGroups() {
    $groups = array();
    foreach ((array) variable_get('background_process_service_groups', array()) as $name => $group) {
      $hosts = is_array($group) && isset($group['hosts']) ? (array) $group['hosts'] : array();
      $groups[$name] = array_values(array_filter($hosts, 'is_string'));
    }
    return $groups ? $groups : new \stdClass();
  }

  /** User number that owns the public files; -1 when it cannot be told. */
  private function filesOwner() {
    $folder = variable_get('file_public_path', conf_path() . '/files');
    $owner = is_dir($folder) ? @fileowner($folder) : FALSE;
    return $owner === FALSE ? -1 : $owner;
  }

}
