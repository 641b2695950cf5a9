<?php

namespace Drupald\Drupal7;

/**
 * A worker that runs many processes, one after another (isolation "shared").
 *
 * Between two of them it resets what Drupal itself can reset, and looks at what
 * it cannot: any difference in the surroundings of PHP makes it leave. Static
 * variables of functions and classes stay; that is what "shared" means.
 */
class Resident {

  /** Static variables that only follow from what the daemon and each start check anyway. */
  private static $kept = array('system_list', 'module_implements', 'module_hook_info', 'list_themes', 'conf_path');

  /** Globals by which Drupal knows that the theme has been chosen. */
  private static $theme = array('theme', 'theme_key', 'theme_info', 'base_theme_info', 'theme_engine', 'theme_path');

  private $warm;
  private $globals = array();
  private $surroundings;
  private $leaks = array();
  private $files = array();
  private $included = 0;
  private $runs = 0;
  private $limits;
  private $log;

  /** Bytes of the worker's own log that have been given to runs. */
  private $given = 0;

  /**
   * @param array $limits
   *   log: file for what programs print that a callback starts. maxMemory: bytes.
   */
  public function __construct(Warm $warm, array $limits) {
    $this->warm = $warm;
    $this->limits = $limits;
  }

  /**
   * Opens the log of a run.
   *
   * The descriptors 0 to 2 and the constants for them stay on a file of the
   * worker: a constant cannot be given another stream.
   *
   * @return resource
   */
  public function redirect($log) {
    if ($this->runs === 0) {
      \Drupald\Environment::redirect($this->limits['log'], TRUE);
    }
    elseif (is_resource($this->log)) {
      fclose($this->log);
    }
    $this->log = @fopen($log, 'a');
    $this->log = $this->log ? $this->log : fopen('/dev/null', 'a');
    return $this->log;
  }

  /** What programs have printed meanwhile belongs to the run that has ended. */
  private function collectOutput() {
    $text = (string) @file_get_contents($this->limits['log'], FALSE, NULL, $this->given);
    $this->given += strlen($text);
    if ($text !== '') {
      \Drupald\OutputLog::handle($text);
    }
  }

  /** Brings Drupal up for the first job; the same as resume() of Warm. */
  public function begin(array $job) {
    if ($this->runs++ > 0) {
      return $this->again($job);
    }
    return $this->warm->resume($job);
  }

  /** Remembers how things stand when Drupal is up for the first job. */
  public function remember() {
    if ($this->surroundings === NULL) {
      $this->surroundings = $this->look();
      $this->globals = array_keys($GLOBALS);
    }
  }

  /** Takes Drupal from the end of one request to the end of the next one's bootstrap. */
  private function again(array $job) {
    Site::reconnect();
    $this->reset();
    $stale = $this->warm->request($job);
    if ($stale !== NULL) {
      return $stale;
    }
    drupal_session_initialize();
    bootstrap_invoke_all('boot');
    drupal_language_initialize();
    drupal_path_initialize();
    if (function_exists('drupal_theme_initialize')) {
      menu_set_custom_theme();
      drupal_theme_initialize();
    }
    module_invoke_all('init');
    return NULL;
  }

  /** Forgets the last request, as far as Drupal lets. */
  private function reset() {
    $kept = array();
    foreach (self::$kept as $name) {
      $kept[$name] = drupal_static($name);
    }
    drupal_static_reset();
    foreach ($kept as $name => $value) {
      $static = &drupal_static($name);
      $static = $value;
      unset($static);
    }
    foreach (array_merge(self::$theme, array_diff(array_keys($GLOBALS), $this->globals)) as $name) {
      if (!in_array($name, array('GLOBALS', '_SERVER', '_GET', '_POST', '_COOKIE', '_FILES', '_REQUEST', '_ENV'), TRUE)) {
        unset($GLOBALS[$name]);
      }
    }
    unset($GLOBALS['_SESSION']);
    if (function_exists('error_clear_last')) {
      // phpcs:ignore PHPCompatibility.FunctionUse.NewFunctions.error_clear_lastFound -- asked for above.
      error_clear_last();
    }
  }

  /** What the last run has left changed, so that this worker must leave. */
  public function leaks() {
    return $this->leaks;
  }

  /**
   * Ends a run that has settled everything, and says whether the worker may take another.
   *
   * @return array|null
   *   files: what was loaded since the last time. NULL: it must leave.
   */
  public function stay() {
    $reads = $this->warm->requestReads();
    if (in_array('*', $reads, TRUE) || !$this->shutDown()) {
      return NULL;
    }
    @set_time_limit(0);
    $this->collectOutput();
    foreach ($this->look() as $what => $value) {
      if ($value != $this->surroundings[$what]) {
        $this->leaks[] = $what;
      }
    }
    if (Site::inTransaction()) {
      $this->leaks[] = 'transaction';
    }
    if ($this->leaks) {
      return NULL;
    }
    // Also one that was begun by a plain statement: at the end of a request it
    // is undone, and the daemon looks at the row once more.
    Site::rollBack();
    gc_collect_cycles();
    if (memory_get_usage() > $this->limits['maxMemory']) {
      return NULL;
    }
    $new = array();
    if (count(get_included_files()) !== $this->included) {
      $files = $this->warm->files();
      $new = array_values(array_diff($files, $this->files));
      $this->files = $files;
      $this->included = count(get_included_files());
    }
    return array('files' => $new, 'reads' => $reads);
  }

  /** Runs Drupal's list of shutdown functions, as PHP would at the end of a request, and empties it. */
  private function shutDown() {
    $callbacks = &drupal_register_shutdown_function();
    try {
      while (($callback = current($callbacks)) !== FALSE) {
        call_user_func_array($callback['callback'], $callback['arguments']);
        next($callbacks);
      }
      lock_release_all();
    }
    catch (\Exception $error) {
      return $this->shutDownFailed($error, $callbacks);
    }
    catch (\Throwable $error) {
      return $this->shutDownFailed($error, $callbacks);
    }
    $callbacks = array();
    return TRUE;
  }

  private function shutDownFailed($error, array &$callbacks) {
    // PHP's own end must not call again what has been called.
    $callbacks = array();
    \Drupald\OutputLog::note('Uncaught in a shutdown function: ' . $error);
    watchdog_exception('php', $error);
    return FALSE;
  }

  /** What of PHP's surroundings code can leave changed. */
  private function look() {
    $ini = ini_get_all(NULL, FALSE);
    unset($ini['max_execution_time'], $ini['error_log']);
    $handler = set_error_handler(function () {
      return FALSE;
    });
    restore_error_handler();
    $thrown = set_exception_handler(NULL);
    restore_exception_handler();
    return array(
      'cwd' => getcwd(),
      'umask' => umask(),
      'ini' => $ini,
      'timezone' => date_default_timezone_get(),
      'locale' => setlocale(LC_ALL, '0'),
      'buffers' => ob_get_level(),
      // phpcs:ignore PHPCompatibility.FunctionUse.RequiredToOptionalFunctionParameters -- asked for here.
      'environment' => PHP_VERSION_ID >= 70100 ? getenv() : array(),
      'wrappers' => stream_get_wrappers(),
      'loaders' => count((array) spl_autoload_functions()),
      'session' => session_status(),
      'handlers' => array(self::name($handler), self::name($thrown)),
      'streams' => $this->openStreams(),
    );
  }

  private static function name($callback) {
    return is_object($callback) ? spl_object_hash($callback) : $callback;
  }

  private function openStreams() {
    $count = 0;
    // phpcs:ignore PHPCompatibility.FunctionUse.NewFunctions.get_resourcesFound -- asked for before.
    foreach (function_exists('get_resources') ? get_resources() : array() as $resource) {
      $count += get_resource_type($resource) === 'stream' ? 1 : 0;
    }
    return $count;
  }

}
