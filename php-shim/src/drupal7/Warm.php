<?php

namespace Drupald\Drupal7;

use Drupald\StaticVariable;

/**
 * Drupal 7, loaded in a zygote as far as every request goes the same way.
 *
 * That is: settings, database, variables, and the code of the enabled modules.
 * What a request decides for itself (session, hook_boot, language, path, theme,
 * hook_init) is left to each worker, which goes on with Drupal's own bootstrap.
 */
class Warm {

  /** Files that Drupal's last phase loads, and the variables that name others. */
  private static $includes = array(
    'common.inc', 'theme.inc', 'pager.inc', 'tablesort.inc', 'file.inc', 'unicode.inc', 'image.inc', 'form.inc',
    'mail.inc', 'actions.inc', 'ajax.inc', 'token.inc', 'errors.inc', 'language.inc',
  );
  private static $exchangeable = array('session_inc' => 'session.inc', 'path_inc' => 'path.inc', 'menu_inc' => 'menu.inc');

  /** Variables of $_SERVER that are the same for every start under one address. */
  private static $constant = array(
    'HTTP_HOST', 'HTTPS', 'SERVER_NAME', 'SERVER_PORT', 'SERVER_ADDR', 'SERVER_SOFTWARE', 'SERVER_PROTOCOL',
    'SERVER_ADMIN', 'SERVER_SIGNATURE', 'SCRIPT_NAME', 'SCRIPT_FILENAME', 'PHP_SELF', 'DOCUMENT_ROOT',
    'REQUEST_METHOD', 'REQUEST_SCHEME', 'QUERY_STRING', 'GATEWAY_INTERFACE', 'PATH', 'CONTEXT_DOCUMENT_ROOT',
    'CONTEXT_PREFIX', 'HTTP_CONNECTION', 'CONTENT_LENGTH', 'REDIRECT_STATUS',
  );

  /** Static variables that hold what practise() was told. */
  private static $practised = array(
    'language_list', 'module_implements', 'module_implements:verified', 'module_hook_info', 'user_role_permissions',
  );

  private $job;
  private $path;
  private $settings = array();
  private $reads;
  private $variables = '';
  private $modules = array();
  private $server = array();
  private $environment = array();

  public function __construct(array $job) {
    $this->job = $job;
  }

  /** In the zygote: loads what workers share. */
  public function load() {
    Boot::load();
    $before = $_SERVER;
    $files = get_included_files();
    $uri = $_SERVER['REQUEST_URI'];
    $this->path = new StaticVariable('request_path', 'path', $uri, function () use ($uri) {
      $_SERVER['REQUEST_URI'] = $uri;
    });
    // Drupal then takes the path from the address, as under a web server.
    unset($_GET['q']);
    $_SERVER['REQUEST_URI'] = $this->path;
    drupal_bootstrap(DRUPAL_BOOTSTRAP_CONFIGURATION);
    $_SERVER['REQUEST_URI'] = $uri;
    $this->settings = isset($GLOBALS['conf']) ? $GLOBALS['conf'] : array();
    $settings = array_filter(array_diff(get_included_files(), $files), function ($file) {
      // Drupal's own files of this phase read the request, but decide nothing by it.
      return strpos($file, DRUPAL_ROOT . '/includes/') !== 0 && strpos($file, DRUPAL_ROOT . '/misc/') !== 0;
    });
    $this->reads = $this->findReads($settings);
    $this->server = array_diff_assoc($this->strings($_SERVER), $this->strings($before));
    $this->environment = $_ENV;
    drupal_bootstrap(DRUPAL_BOOTSTRAP_VARIABLES);
    $this->variables = serialize($GLOBALS['conf']);
    $this->loadCode();
    $this->practise();
    Connections::close();
  }

  private function strings(array $values) {
    return array_filter($values, 'is_scalar');
  }

  /** Loads what the rest of the bootstrap and every run load, and calls none of it. */
  private function loadCode() {
    $files = self::$includes;
    foreach (self::$exchangeable as $variable => $default) {
      $files[] = substr(variable_get($variable, "includes/$default"), strlen('includes/')) === $default
        ? $default
        : '../' . variable_get($variable);
    }
    foreach ($files as $file) {
      if (is_file(DRUPAL_ROOT . '/includes/' . $file)) {
        require_once DRUPAL_ROOT . '/includes/' . $file;
      }
    }
    Boot::loadSystem();
    module_load_all();
    $this->modules = module_list();
    foreach (array('SelectQuery', 'UpdateQuery', 'DeleteQuery', 'InsertQuery', 'MergeQuery') as $class) {
      $connection = \Database::getConnection();
      class_exists(method_exists($connection, 'getDriverClass') ? $connection->getDriverClass($class) : $class);
    }
    class_exists('BackgroundProcess');
    if (class_exists('DatabaseLog') || is_file(DRUPAL_ROOT . '/includes/database/log.inc')) {
      require_once DRUPAL_ROOT . '/includes/database/log.inc';
      require_once __DIR__ . '/Claim.php';
    }
  }

  /**
   * Calls what every run calls and what only reads, and forgets the answers.
   *
   * PHP looks names up, and fills its pages, at the first call: a run need not
   * do again what was called here. No hook of a request is called by it.
   */
  private function practise() {
    background_process_get_process('');
    variable_initialize();
    module_implements('init');
    if (function_exists('language_list')) {
      language_list();
    }
    if (function_exists('user_role_permissions')) {
      user_role_permissions(array(DRUPAL_ANONYMOUS_RID => ''));
    }
    foreach (self::$practised as $name) {
      drupal_static_reset($name);
    }
  }

  /** Why workers must not be forked from here; NULL: they may. */
  public function unfit() {
    if (!$this->path->isHeld()) {
      return 'the path of a request cannot be changed any more once this site is loaded';
    }
    if (drupal_get_bootstrap_phase() > DRUPAL_BOOTSTRAP_VARIABLES) {
      return 'its settings or modules start Drupal further than they are asked for';
    }
    foreach (drupal_register_shutdown_function() as $function) {
      if ($function['callback'] === 'lock_release_all') {
        return 'it took a lock while it was loaded';
      }
    }
    if (session_id() !== '') {
      return 'it started a session while it was loaded';
    }
    return NULL;
  }

  /** Every file that was loaded and lies outside the shim. */
  public function files() {
    $ours = dirname(dirname(__DIR__)) . '/';
    $files = array();
    foreach (get_included_files() as $file) {
      if (strpos($file, $ours) !== 0 && strpos($file, '://') === FALSE) {
        $files[] = $file;
      }
    }
    return $files;
  }

  /**
   * What the settings read of a request that can differ between two starts.
   *
   * @return string[]
   *   Keys of $_SERVER; "*" when that cannot be told.
   */
  public function requestReads() {
    return $this->reads;
  }

  private function findReads(array $files) {
    $reads = array();
    foreach ($files as $file) {
      $code = (string) @php_strip_whitespace($file);
      if ($code === '') {
        $code = (string) @file_get_contents($file);
      }
      if (preg_match('/\$_(GET|POST|REQUEST|COOKIE|FILES)\b|\brequest_(path|uri)\s*\(|\barg\s*\(|\bphp:\/\/input|\bapache_request_headers\b|\bgetallheaders\b|\bfilter_input\b/', $code)) {
        return array('*');
      }
      $uses = preg_match_all('/\$_SERVER\b/', $code);
      $named = preg_match_all('/\$_SERVER\s*\[\s*([\'"])(\w+)\1\s*\]/', $code, $found);
      if ($uses !== $named) {
        return array('*');
      }
      $reads = array_merge($reads, $found[2]);
      if (preg_match('/\bip_address\s*\(/', $code)) {
        $reads[] = 'REMOTE_ADDR';
      }
    }
    return array_values(array_diff(array_unique($reads), self::$constant));
  }

  /** In a worker that waits for its job: opens the connections that every run needs. */
  public function rehearse() {
    try {
      $this->practise();
      Site::connectionIds(TRUE);
    }
    catch (\Exception $error) {
      Site::closeConnections();
    }
  }

  /**
   * In a worker: goes on to the end of the bootstrap, for the request of a job.
   *
   * @return string|null
   *   What has changed since the zygote was made, so that the worker must not go
   *   on; NULL: Drupal is up.
   */
  public function resume(array $job) {
    $stale = $this->request($job);
    if ($stale !== NULL) {
      return $stale;
    }
    drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
    // A module that was disabled meanwhile is loaded here, but must not be.
    return array_diff_key($this->modules, module_list()) ? 'modules' : NULL;
  }

  /**
   * In a worker: what Drupal's first phases do for a request.
   *
   * @return string|null
   *   As resume().
   */
  public function request(array $job) {
    $_SERVER = $this->server + $_SERVER;
    $_ENV = $this->environment;
    $_SERVER += array('HTTP_REFERER' => '');
    $_SERVER['HTTP_HOST'] = strtolower($_SERVER['HTTP_HOST']);
    $_GET['q'] = trim($job['q'], '/');
    $this->path->set($_GET['q']);
    if (function_exists('timer_start')) {
      $GLOBALS['timers'] = array();
      timer_start('page');
    }
    drupal_static_reset('ip_address');
    $GLOBALS['conf'] = variable_initialize($this->settings);
    if (serialize($GLOBALS['conf']) !== $this->variables) {
      return 'variables';
    }
    if (function_exists('drupal_block_denied') && $_SERVER['REMOTE_ADDR'] !== $this->job['server']['REMOTE_ADDR']) {
      drupal_block_denied(ip_address());
    }
    return NULL;
  }

}
