<?php

namespace Drupald\Drupal7;

use Drupald\Ending;

/**
 * Saves a batch and removes its operations that are done, both or neither.
 *
 * What an operation writes itself is no part of it.
 */
class BatchSave {

  /** Times that a save is tried when the database cannot do it in that moment. */
  const TRIES = 4;

  /**
   * @param BatchItems[] $items
   *   Operations of which some are done.
   *
   * @return bool
   *   FALSE: there is no such batch any more, and nothing was changed.
   */
  public static function write(array $batch, array $items) {
    for ($try = 1;; $try++) {
      try {
        return self::attempt($batch, $items);
      }
      catch (\Exception $error) {
        if ($try === self::TRIES || !Ending::isPassing($error)) {
          throw $error;
        }
        usleep($try * 50000);
        // Both or neither, so it may be done once more whatever became of it.
        Site::rollBack();
        Site::reconnect();
      }
    }
  }

  private static function attempt(array $batch, array $items) {
    db_set_active();
    $connection = \Database::getConnection('default', 'default');
    self::close($connection);
    $transaction = $connection->startTransaction('drupald_batch');
    try {
      $there = array(':bid' => $batch['id']);
      BatchLimits::allowSave();
      $data = serialize($batch);
      BatchLimits::saved(strlen($data));
      // Which does not count a row that was the same before.
      $saved = db_update('batch')->fields(array('batch' => $data))->condition('bid', $batch['id'])->execute()
        || db_query('SELECT 1 FROM {batch} WHERE bid = :bid', $there)->fetchField();
      if ($saved) {
        foreach ($items as $one) {
          $one->remove();
        }
      }
    }
    catch (\Exception $error) {
      self::undo($transaction);
      throw $error;
    }
    // Drupal commits when nobody holds it any more.
    unset($transaction);
    foreach ($items as $one) {
      $one->removed();
    }
    return (bool) $saved;
  }

  private static function undo($transaction) {
    try {
      $transaction->rollback();
    }
    catch (\Exception $gone) {
      // With its connection.
      return;
    }
  }

  /**
   * Commits what an operation has left open, as Drupal does at the end of a request.
   *
   * Else the save would be a part of it, and lost with it.
   */
  private static function close($connection) {
    $property = new \ReflectionProperty('DatabaseConnection', 'transactionLayers');
    if (PHP_VERSION_ID < 80100) {
      $property->setAccessible(TRUE);
    }
    foreach (array_reverse(array_keys((array) $property->getValue($connection))) as $name) {
      $connection->popTransaction($name);
    }
    // Also one that was begun by a plain statement, which Drupal does not count.
    $connection->query('COMMIT');
  }

}
