<?php

namespace Drupald;

/**
 * Copies PHP's errors into the run's log, and leaves them to the site's handler.
 */
class ErrorWatch {

  private static $next;

  private static $names = array(
    E_WARNING => 'Warning',
    E_NOTICE => 'Notice',
    E_USER_ERROR => 'User error',
    E_USER_WARNING => 'User warning',
    E_USER_NOTICE => 'User notice',
    E_RECOVERABLE_ERROR => 'Recoverable error',
    E_DEPRECATED => 'Deprecated',
    E_USER_DEPRECATED => 'User deprecated',
    2048 => 'Strict standards',
  );

  /** Goes in front of the error handler that is installed now. */
  public static function install() {
    $before = set_error_handler(array(__CLASS__, 'debug'));
    // In a worker that runs many it may stand there already.
    if ($before !== array(__CLASS__, 'debug')) {
      self::$next = $before;
    }
  }

  /**
   * Error handler.
   *
   * It is called "debug" because Drupal 7 leaves frames of that name out when
   * it looks for the place of an error; under any other name the site's log
   * would name this file as the culprit.
   */
  public static function debug($level, $message, $file = '', $line = 0, $context = array()) {
    if (error_reporting() & $level) {
      $name = isset(self::$names[$level]) ? self::$names[$level] : 'Error ' . $level;
      OutputLog::note("PHP $name: $message in $file:$line");
    }
    return self::$next ? call_user_func(self::$next, $level, $message, $file, $line, $context) : FALSE;
  }

}
