<?php

namespace Drupald;

/**
 * Makes a command-line PHP look like the request that the site would have had.
 */
class Environment {

  /**
   * Applies the request of a job.
   *
   * @param array $job
   *   root (folder), server (what the web server would put into $_SERVER), q
   *   (the path as Drupal reads it), umask (integer, optional).
   */
  public static function apply(array $job) {
    if (isset($job['umask'])) {
      umask($job['umask']);
    }
    $now = microtime(TRUE);
    $_SERVER = $job['server'] + array(
      'REQUEST_TIME_FLOAT' => $now,
      'REQUEST_TIME' => (int) $now,
    );
    $_GET = array('q' => $job['q']);
    // $_ENV stays: it holds the setting "env" wherever variables_order has an E.
    $_POST = $_COOKIE = $_FILES = $_REQUEST = array();
    unset($GLOBALS['argv'], $GLOBALS['argc']);
    header_remove();
    // A closed socket is no reason to end: nobody reads the answer.
    ignore_user_abort(TRUE);
    if (!@chdir($job['root'])) {
      throw new \RuntimeException('cannot enter the folder ' . $job['root']);
    }
  }

  /**
   * Puts descriptors 0 to 2 on /dev/null and the run's log.
   *
   * By number, so that programs which a callback starts write there, too. PHP
   * hands out the lowest free numbers, and STDIN, STDOUT and STDERR are not
   * defined yet because PHP read its script from standard input.
   *
   * @param string $log
   *   Path of the log.
   * @param bool $define
   *   Whether to define those constants. A zygote leaves them to its children:
   *   a constant cannot be given another stream.
   *
   * @return resource
   *   The log, opened for appending.
   */
  public static function redirect($log, $define) {
    if (self::$streams) {
      // A parent has opened them; PHP knows them by these streams.
      array_map('fclose', self::$streams);
    }
    else {
      foreach (array('php://stdin' => 'r', 'php://stdout' => 'w', 'php://stderr' => 'w') as $name => $mode) {
        $stream = @fopen($name, $mode);
        if ($stream) {
          fclose($stream);
        }
      }
    }
    $in = fopen('/dev/null', 'r');
    // A full disk costs the log, not the run.
    $out = @fopen($log, 'a');
    $out = $out ? $out : fopen('/dev/null', 'a');
    $err = @fopen($log, 'a');
    $err = $err ? $err : fopen('/dev/null', 'a');
    if ($define && !defined('STDIN')) {
      define('STDIN', $in);
      define('STDOUT', $out);
      define('STDERR', $err);
    }
    // Also kept here: a callback may close the constants, but the number must
    // not be given to a database connection, or a program's output ends there.
    self::$streams = array($in, $out, $err);
    return $out;
  }

  private static $streams = array();

  /** Whether a stream is one of the three that every run has. */
  public static function isStandard($stream) {
    return in_array($stream, self::$streams, TRUE);
  }

}
