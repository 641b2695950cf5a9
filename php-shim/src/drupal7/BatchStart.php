<?php

namespace Drupald\Drupal7;

/**
 * Takes the place of the module's function that runs a batch, when it asks for the batch.
 *
 * The row of the process names that function and keeps naming it, so that the
 * site can go on by itself at any time. Drupal offers a place to listen to every
 * statement of a connection; the function's first statement reads the batch.
 * There the batch is run, and the function, which finds nothing to read any
 * more, returns. A version of the module that reads it otherwise runs as it is.
 */
class BatchStart extends \DatabaseLog {

  const CALLBACK = '_background_batch_process';

  private $connection;
  private $previous;
  private $rules;
  private $over = FALSE;

  /**
   * Listens from now on.
   *
   * @param array $rules
   *   As of BatchRun.
   */
  public static function watch(array $rules) {
    $watch = new self();
    $watch->rules = $rules;
    $watch->connection = \Database::getConnection('default', 'default');
    $watch->previous = $watch->connection->getLogger();
    $watch->connection->setLogger($watch);
  }

  public function log(\DatabaseStatementInterface $statement, $args, $time) {
    if ($this->previous) {
      $this->previous->log($statement, $args, $time);
    }
    else {
      parent::log($statement, $args, $time);
    }
    if ($this->over || !isset($args[':bid']) || !preg_match('/^\s*SELECT\s+batch\s+FROM\b/i', $statement->getQueryString()) || !$this->isAsked()) {
      return;
    }
    $this->over = TRUE;
    if ($this->previous) {
      $this->connection->setLogger($this->previous);
    }
    $batch = $statement->fetchField();
    if (!$batch) {
      return;
    }
    try {
      BatchRun::run($args[':bid'], $batch, $this->rules);
    }
    catch (\PDOException $error) {
      // On its way from here Drupal would call this statement the one that failed.
      throw new BatchFailed($error->getMessage(), 0, $error);
    }
  }

  /** Whether it is the function that asks. */
  private function isAsked() {
    foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 10) as $frame) {
      if ($frame['function'] === self::CALLBACK) {
        return TRUE;
      }
    }
    return FALSE;
  }

}
