<?php

namespace Drupald\Drupal7;

/**
 * Watches the module's own statements, so that each step of a run is known.
 *
 * The module claims a process, calls back and cleans up inside one function.
 * Drupal offers a place to listen to every statement of a connection
 * (DatabaseConnection::setLogger); three statements mark the steps:
 * - the UPDATE that claims, with the new start_stamp as its argument,
 * - the UPDATE of the progress row that follows a callback that returned,
 * - the DELETE of the process row.
 */
class Claim extends \DatabaseLog {

  const WAITING = 0;
  const RUNNING = 1;
  const CLOSING = 2;
  const OVER = 3;

  private $step = self::OVER;
  private $handle;
  private $listener;
  private $touched = FALSE;
  private $previous;
  private $outer;

  /**
   * Watches a process that runs inside the one that is watched, until outside().
   *
   * @param object $listener
   *   As of watch().
   */
  public static function inside($handle, $listener) {
    $before = Site::processConnection()->getLogger();
    $outer = $before instanceof self ? array($before->handle, $before->listener, $before->touched, $before->step) : NULL;
    $watch = self::watch($handle, $listener);
    $watch->outer = $outer;
    return $watch;
  }

  /** Goes on with what was watched before. */
  public function outside() {
    if ($this->outer) {
      list($this->handle, $this->listener, $this->touched, $this->step) = $this->outer;
      $this->outer = NULL;
    }
  }

  /**
   * Starts to watch.
   *
   * @param object $listener
   *   Gets claimed($stamp), touched(), returned() and removed($rows).
   */
  public static function watch($handle, $listener) {
    $connection = Site::processConnection();
    $watch = $connection->getLogger();
    if (!($watch instanceof self)) {
      $previous = $watch;
      $watch = new self();
      $watch->previous = $previous;
      $connection->setLogger($watch);
      self::follow((string) $connection->getKey(), $watch);
    }
    $watch->handle = $handle;
    $watch->listener = $listener;
    $watch->touched = FALSE;
    $watch->step = self::WAITING;
    return $watch;
  }

  /**
   * Has Drupal give the watch to connections that are opened from now on, too.
   *
   * A callback may close its own, and the module then cleans up on another one.
   */
  private static function follow($key, $watch) {
    if (!property_exists('Database', 'logs')) {
      return;
    }
    $property = new \ReflectionProperty('Database', 'logs');
    if (PHP_VERSION_ID < 80100) {
      $property->setAccessible(TRUE);
    }
    $logs = (array) $property->getValue();
    if (empty($logs[$key])) {
      $property->setValue(NULL, array($key => $watch) + $logs);
    }
  }

  public function over() {
    $this->step = self::OVER;
  }

  public function log(\DatabaseStatementInterface $statement, $args, $time) {
    if ($this->previous) {
      $this->previous->log($statement, $args, $time);
    }
    // Somebody who starts a log of his own gets this one.
    parent::log($statement, $args, $time);
    if ($this->step === self::OVER || !is_array($args)) {
      return;
    }
    $sql = ltrim($statement->getQueryString());
    $verb = strtoupper(substr($sql, 0, 6));
    if ($verb !== 'UPDATE' && $verb !== 'DELETE') {
      return;
    }
    if ($this->step === self::WAITING && $verb === 'UPDATE' && strpos($sql, 'exec_status') !== FALSE && in_array($this->handle, $args, TRUE)) {
      $this->sawClaim($statement, $args);
    }
    elseif ($this->step === self::RUNNING && $verb === 'UPDATE' && $this->endsProgress($args)) {
      $this->step = self::CLOSING;
      $this->listener->returned();
    }
    elseif ($this->step === self::RUNNING && strpos($sql, 'background_process') !== FALSE && in_array($this->handle, $args, TRUE)) {
      $this->sawTouch($verb === 'DELETE' && $statement->rowCount() > 0);
    }
    elseif ($this->step === self::CLOSING && $verb === 'DELETE' && strpos($sql, 'background_process') !== FALSE && in_array($this->handle, $args, TRUE)) {
      $this->listener->removed($statement->rowCount());
    }
  }

  /** Whether these are the arguments by which the module ends the progress of a callback that returned. */
  private function endsProgress(array $args) {
    if (!in_array($this->handle, $args, TRUE)) {
      return FALSE;
    }
    foreach ($args as $value) {
      if (is_string($value) && preg_match('/^Background process \'.*\' finished$/sD', $value)) {
        return TRUE;
      }
    }
    return FALSE;
  }

  private function sawTouch($removed) {
    if ($removed || !$this->touched) {
      $this->touched = TRUE;
      $this->listener->touched($removed);
    }
  }

  private function sawClaim($statement, $args) {
    foreach ($args as $value) {
      if (is_string($value) && preg_match('/^\d+\.\d{6}$/D', $value)) {
        if ($statement->rowCount() > 0) {
          $this->step = self::RUNNING;
          $this->listener->claimed($value);
        }
        else {
          $this->step = self::OVER;
        }
        return;
      }
    }
  }

}
