<?php

namespace Drupald;

/**
 * How a run ended, as far as PHP itself can tell, with a sentence for people.
 *
 * The kinds are those of the daemon (src/process/outcome.ts). An exit inside a
 * callback is not decided here: only the parent learns the code.
 */
class Ending {

  /** Errors after which PHP goes straight to its shutdown functions. */
  const FATAL = 341;

  /** The callback returned. */
  public static function completed() {
    return array('kind' => 'completed', 'sentence' => '');
  }

  /** Something was thrown out of the callback. */
  public static function threw($error, $callback) {
    $place = self::place($error->getFile(), $error->getLine());
    $class = get_class($error);
    $message = self::short($error->getMessage());
    $outcome = array(
      'kind' => 'threw',
      'class' => $class,
      'message' => $message,
      'file' => $error->getFile(),
      'line' => $error->getLine(),
      'sentence' => "The callback $callback threw $class: $message ($place).",
    );
    if (self::isDatabaseLoss($error)) {
      $outcome['kind'] = 'database-lost';
      $outcome['sentence'] = "The callback $callback lost its database connection: $message ($place).";
    }
    return $outcome;
  }

  /**
   * The outcome of PHP's last error, or NULL when that error was not fatal.
   *
   * @param array|null $error
   *   What error_get_last() returned.
   */
  public static function fatal($error, $callback) {
    if (!$error || !($error['type'] & self::FATAL)) {
      return NULL;
    }
    $message = self::short($error['message']);
    $place = self::place($error['file'], $error['line']);
    $outcome = array('message' => $message, 'file' => $error['file'], 'line' => $error['line']);
    if (preg_match('/^(Allowed memory size of (\d+) bytes exhausted|Out of memory)/', $message, $found)) {
      $limit = isset($found[2]) ? ' of ' . round($found[2] / 1048576, 1) . ' MB' : '';
      return $outcome + array(
        'kind' => 'out-of-memory',
        'sentence' => "The callback $callback ran out of memory: PHP's limit$limit was reached ($place).",
      );
    }
    if (preg_match('/^Maximum execution time of (\d+) second/', $message, $found)) {
      return $outcome + array(
        'kind' => 'timed-out',
        'sentence' => "The callback $callback used more than the $found[1] CPU seconds that the site allows ($place).",
      );
    }
    return $outcome + array(
      'kind' => 'fatal',
      'sentence' => "The callback $callback hit a fatal PHP error: $message ($place).",
    );
  }

  public static function notCallable($callback) {
    return array(
      'kind' => 'not-callable',
      'message' => $callback,
      'sentence' => "The callback $callback does not exist or cannot be called; is its module enabled, and is it in a file that is loaded on every request?",
    );
  }

  /** The name of a callback as people write it, whatever was stored. */
  public static function callbackName($callback) {
    if (is_string($callback)) {
      return $callback;
    }
    if (is_array($callback) && count($callback) === 2 && isset($callback[0], $callback[1]) && is_string($callback[1])) {
      return (is_object($callback[0]) ? get_class($callback[0]) . '->' : (string) $callback[0] . '::') . $callback[1];
    }
    return is_object($callback) ? get_class($callback) : 'of type ' . gettype($callback);
  }

  /** Whether an exception says that the server has closed the connection. */
  public static function isDatabaseLoss($error) {
    if (!($error instanceof \PDOException)) {
      return FALSE;
    }
    $code = isset($error->errorInfo[1]) ? (int) $error->errorInfo[1] : 0;
    return in_array($code, array(1053, 1927, 2002, 2006, 2013, 2055), TRUE)
      || (bool) preg_match('/server has gone away|Lost connection|Connection was killed|Connection refused/i', $error->getMessage());
  }

  /**
   * Whether an exception says that the database cannot do it now, and may a moment later.
   *
   * No connection left, read-only, a lock that another session holds, a deadlock,
   * a full disk, a connection that was cut.
   */
  public static function isPassing($error) {
    if (!($error instanceof \PDOException)) {
      return FALSE;
    }
    $code = isset($error->errorInfo[1]) ? (int) $error->errorInfo[1] : (int) $error->getCode();
    return self::isDatabaseLoss($error)
      || in_array($code, array(1021, 1040, 1041, 1114, 1203, 1205, 1213, 1226, 1290, 1317, 1836, 1969, 2003, 3024), TRUE)
      || (bool) preg_match('/Too many connections|max_user_connections|--read-only/i', $error->getMessage());
  }

  private static function place($file, $line) {
    return defined('DRUPAL_ROOT') && strpos($file, DRUPAL_ROOT . '/') === 0
      ? substr($file, strlen(DRUPAL_ROOT) + 1) . ':' . $line
      : $file . ':' . $line;
  }

  /** First line of a message as valid UTF-8, without what could make a log line endless. */
  private static function short($message) {
    $line = trim((string) strtok((string) $message, "\n"));
    if (!preg_match('//u', $line)) {
      // Exception texts of old code can be in any encoding.
      $line = preg_replace('/[^\x09\x20-\x7e]/', '?', $line);
    }
    // Not in the middle of a sign.
    return strlen($line) > 500 ? preg_replace('/[\xc0-\xff][\x80-\xbf]*$/', '', substr($line, 0, 497)) . '...' : $line;
  }

}
