<?php

namespace Drupald\Drupal7;

/**
 * Collects what PHP calls deprecated while a site boots and its classes load.
 *
 * On a newer PHP such a message can reach Drupal's error handler before Drupal
 * is up, and the page then ends with an error: the handler calls
 * hook_watchdog. Whether it does depends on which caches are warm, since PHP says
 * it while it compiles; so everything is compiled anew here.
 */
class Deprecations {

  /** Places that are told of each kind. */
  const LIMIT = 10;

  /** Classes that are loaded: enough for a large site, and an end. */
  const CLASSES = 2000;

  private $next;
  private $early = array();
  private $late = array();
  private $class = '';
  private $up = FALSE;

  /** To be called before Drupal's first file is loaded: opcache keeps no word about what it compiled. */
  public static function compileAnew() {
    @ini_set('opcache.enable', '0');
  }

  /** To be called when Drupal has put its error handler up, which is in its first phase. */
  public function watch() {
    $this->next = set_error_handler(array($this, 'debug'));
  }

  /** Error handler; the name is one that Drupal leaves out when it looks for the place of an error. */
  public function debug($level, $message, $file = '', $line = 0, $context = array()) {
    if (!($level & (E_DEPRECATED | E_USER_DEPRECATED))) {
      return $this->next ? call_user_func($this->next, $level, $message, $file, $line, $context) : FALSE;
    }
    if (!(error_reporting() & $level)) {
      return TRUE;
    }
    $place = str_replace(DRUPAL_ROOT . '/', '', $file) . ':' . $line;
    if ($this->up) {
      $this->late[$place] = $message;
      return TRUE;
    }
    $this->early[$place] = $message;
    // What it does there is what is to be seen.
    return $this->next ? call_user_func($this->next, $level, $message, $file, $line, $context) : FALSE;
  }

  /** Once Drupal is up: loads the classes that it would load on demand. Files of tests need a test runner. */
  public function loadClasses() {
    $this->up = TRUE;
    $types = array();
    try {
      foreach (db_query("SELECT name, type FROM {registry} WHERE module <> '' AND filename NOT LIKE '%.test' ORDER BY name LIMIT " . self::CLASSES) as $row) {
        $types[$row->name] = $row->type;
      }
    }
    catch (\PDOException $error) {
      // A site without that table loads its classes otherwise.
      return;
    }
    foreach ($types as $name => $type) {
      $this->class = $name;
      try {
        $type === 'interface' ? interface_exists($name) : class_exists($name);
      }
      catch (\Exception $error) {
        continue;
      }
      catch (\Throwable $error) {
        // A parent from a module that is not there: it is not loaded on pages either.
        continue;
      }
    }
    $this->class = '';
  }

  /** What was found, for the daemon; also when a class ended PHP. */
  public function found($error = NULL) {
    if ($this->class !== '' && $error) {
      $this->late[str_replace(DRUPAL_ROOT . '/', '', $error['file']) . ':' . $error['line']] = (string) strtok($error['message'], "\n");
    }
    return array('early' => $this->told($this->early), 'late' => $this->told($this->late));
  }

  private function told(array $found) {
    $places = array();
    foreach (array_slice($found, 0, self::LIMIT, TRUE) as $place => $message) {
      $places[] = $message . ' in ' . $place;
    }
    return array('count' => count($found), 'places' => $places);
  }

}
