<?php

namespace Drupald\Drupal7;

/**
 * Small questions to a booted Drupal 7.
 */
class Site {

  /** The key of the connection that holds the module's tables. */
  public static function processKey() {
    return \Database::getConnectionInfo('background_process') ? 'background_process' : 'default';
  }

  /** The keys of the connections that a run uses: the site's and the module's, which may be one. */
  private static function keys() {
    return array_unique(array('default', self::processKey()));
  }

  /** The connection that holds the module's tables. */
  public static function processConnection() {
    return \Database::getConnection('default', self::processKey());
  }

  /** Closes every connection that Drupal has opened; it reconnects on demand. */
  public static function closeConnections() {
    self::$connections = array();
    if (!class_exists('Database', FALSE)) {
      return;
    }
    $keys = isset($GLOBALS['databases']) && is_array($GLOBALS['databases']) ? array_keys($GLOBALS['databases']) : array();
    foreach (array_unique(array_merge(array('default'), $keys)) as $key) {
      try {
        \Database::closeConnection(NULL, $key);
      }
      catch (\Exception $error) {
        // It is closed all the more.
        continue;
      }
    }
  }

  /**
   * Rolls back whatever transaction a run has left open.
   *
   * Else what is settled is settled inside it, and undone when PHP ends. Not on
   * another connection: the open transaction may hold the very rows.
   */
  public static function rollBack() {
    foreach (self::keys() as $key) {
      try {
        $connection = \Database::getConnection('default', $key);
        if (method_exists($connection, 'inTransaction') && $connection->inTransaction()) {
          $connection->rollback();
        }
        // Also one that was begun by a plain statement, which Drupal does not count.
        $connection->query('ROLLBACK');
      }
      catch (\Exception $error) {
        // A connection that is lost has no transaction any more.
        continue;
      }
      catch (\Throwable $error) {
        continue;
      }
    }
  }

  /** Whether a run has left a transaction open. */
  public static function inTransaction() {
    foreach (self::keys() as $key) {
      $connection = \Database::getConnection('default', $key);
      if (method_exists($connection, 'inTransaction') && $connection->inTransaction()) {
        return TRUE;
      }
    }
    return FALSE;
  }

  /** Makes sure that the database answers, with a new connection if need be. */
  public static function reconnect() {
    try {
      foreach (self::keys() as $key) {
        \Database::getConnection('default', $key)->query('SELECT 1');
      }
      return;
    }
    catch (\Exception $error) {
      self::closeConnections();
    }
    \Database::getConnection('default', 'default')->query('SELECT 1');
  }

  private static $connections = array();

  /**
   * MySQL's ids of this process's sessions, one per connection.
   *
   * @param bool $keep
   *   Whether to keep them for the next call: a spare asks before there is a job.
   *   Not for longer, because a connection that is kept here cannot be closed by
   *   the code of the site.
   */
  public static function connectionIds($keep = FALSE) {
    $ids = array();
    foreach (self::keys() as $key) {
      $connection = \Database::getConnection('default', $key);
      if (!isset(self::$connections[$key]) || self::$connections[$key][0] !== $connection) {
        self::$connections[$key] = array($connection, (int) $connection->query('SELECT CONNECTION_ID()')->fetchField());
      }
      $ids[] = self::$connections[$key][1];
    }
    if (!$keep) {
      self::$connections = array();
    }
    return $ids;
  }

  /** The value under which this process's locks stand in the table semaphore; '' without that table's lock API. */
  public static function lockId() {
    return function_exists('_lock_id') ? (string) _lock_id() : '';
  }

  /** How many modules listen to the end of a process. */
  public static function shutdownListeners() {
    return count(module_implements('background_process_shutdown'));
  }

  /**
   * The major version of Ultimate Cron; 0: there is none, or one that is not known.
   *
   * By what it can do: a copy from a repository names no version. Until 2012 it
   * was a hook_cron() itself, and what followed 7.x-1.x on its branch needs a
   * Background Process that was never released: neither is known.
   */
  public static function ultimateCron() {
    if (function_exists('_ultimate_cron_job_load_all')) {
      return 2;
    }
    return function_exists('ultimate_cron_load_hook_data') && !function_exists('ultimate_cron_cron') ? 1 : 0;
  }

  /** Writes a line to Drupal's log under the module's own type; never throws. */
  public static function log($text, array $variables, $severity, $type = 'bg_process') {
    try {
      watchdog($type, $text, $variables, $severity);
    }
    catch (\Exception $error) {
      \Drupald\OutputLog::note('Drupal\'s log could not be written: ' . $error->getMessage());
    }
  }

}
