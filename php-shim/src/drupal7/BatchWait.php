<?php

namespace Drupald\Drupal7;

/**
 * Has pages that ask for the end of a batch wait while its callbacks run here.
 *
 * Such a page just calls what each set names to follow on it. So the row names
 * Drupal's own functions meanwhile: one that waits for a lock, which is held here,
 * one that puts into the place of the row what is to be said when the callbacks
 * have died, if they have, and one that has the browser ask once more.
 */
class BatchWait {

  /** Seconds that a page waits at most. */
  const PATIENCE = 30;

  /** Seconds after which nobody believes any more that the callbacks run, if their lock is not released. */
  const LEASE = 3600;

  /** By which the statement is known that puts something into the place of the row. */
  const MARK = ':mark';

  private $bid;

  private function __construct($bid) {
    $this->bid = (int) $bid;
  }

  /** Takes the end of a batch in hand; NULL: somebody else has it. */
  public static function begin($bid) {
    $wait = new self($bid);
    return lock_acquire($wait->lock(), self::LEASE) ? $wait : NULL;
  }

  /** The callbacks are over, and what they have left is saved. */
  public function end() {
    lock_release($this->lock());
  }

  /**
   * The batch as pages find it until then.
   *
   * @param array $kept
   *   What stays of it.
   * @param array $failed
   *   What stays of it when the callbacks do not come to their end.
   */
  public function page(array $kept, array $failed) {
    $first = reset($kept['sets']);
    $kept['sets'] = array($first);
    // The page removes the progress first of all, by which is seen here that it had not read the batch as it was before.
    // Another page may have made it again already.
    self::follow($kept, 'db_query', 'INSERT IGNORE INTO {progress} (name, progress, message, start_stamp, current_stamp) VALUES (:name, 1, :message, UNIX_TIMESTAMP(), UNIX_TIMESTAMP())', array(
      ':name' => BatchProgress::PREFIX . $this->bid,
      ':message' => '',
    ));
    self::follow($kept, 'lock_wait', $this->lock(), self::PATIENCE);
    // Not while the callbacks go on, when the page just waits once more: then their connection is there, and their lock.
    $held = Site::lockId() === '' ? '' : ' AND EXISTS (SELECT 1 FROM {semaphore} WHERE name = :lock)';
    self::follow($kept, 'db_query', "UPDATE {batch} SET batch = :batch WHERE bid = :bid AND LOCATE(:mark, batch) > 0
      AND NOT EXISTS (SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = :connection$held)", array(
      ':batch' => serialize($failed),
      ':bid' => $this->bid,
      self::MARK => uniqid('drupald:', TRUE),
      ':connection' => (int) db_query('SELECT CONNECTION_ID()')->fetchField(),
    ) + ($held === '' ? array() : array(':lock' => $this->lock())));
    // To where it is already.
    self::follow($kept, 'drupal_redirect_form', array(), '');
    return $kept;
  }

  /** Ends the waiting for callbacks that have died. */
  public static function mend(array $batch) {
    foreach ($batch['sets'] as $set) {
      if (isset($set['results'][self::MARK])) {
        // Nobody else has their lock, also when their connection has not been closed yet.
        db_query($set['success'], array(':connection' => 0) + $set['results']);
      }
    }
  }

  private function lock() {
    return 'drupald_batch_end:' . $this->bid;
  }

  /** Has a page call a function, whose first arguments these two are. */
  private static function follow(array &$batch, $function, $one, $two) {
    $number = count($batch['sets']);
    $batch['sets'][] = array(
      'finished' => $function,
      'success' => $one,
      'results' => $two,
      'queue' => array('name' => 'drupal_batch:' . $batch['id'] . ':wait-' . $number, 'class' => 'BatchMemoryQueue'),
    ) + $batch['sets'][0];
  }

}
