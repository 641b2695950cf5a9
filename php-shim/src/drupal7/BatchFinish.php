<?php

namespace Drupald\Drupal7;

use Drupald\Ending;

/**
 * Brings a batch to its end that nobody has come back for.
 *
 * What the page of the end would do, but once: before the callbacks run, the
 * row of the batch is replaced by one that has none. Pages that ask for the end
 * meanwhile wait (BatchWait); later ones just follow its redirect, and show the
 * messages that wait in it.
 */
class BatchFinish {

  /** What of a batch its pages still need. */
  private static $kept = array(
    'id', 'uid', 'progressive', 'url', 'url_options', 'source_url', 'redirect', 'redirect_callback', 'destination',
    'form_state', 'theme', 'timestamp', 'error_message', 'has_form_submits',
  );

  /** Microseconds after which a page that had read the batch before it was claimed has removed the progress. */
  const PATIENCE = 500000;

  private static $open;

  /** @see drupald_batch_finish() */
  public static function run($bid) {
    require_once DRUPAL_ROOT . '/includes/batch.inc';
    BatchPlace::load();
    BatchLimits::allow($bid);
    $row = db_query('SELECT batch, token FROM {batch} WHERE bid = :bid', array(':bid' => $bid))->fetchObject();
    $batch = &batch_get();
    $batch = $row ? unserialize($row->batch) : NULL;
    // One of Drupal's own Batch API, which no page can find.
    $hidden = $row && CoreBatch::isHidden($row->token);
    // The page of the end removes the progress first of all.
    if (!isset($batch['sets']) || !($hidden || progress_get_progress(BatchProgress::PREFIX . $bid))) {
      return;
    }
    $batch += array(BatchFailures::KEY => array());
    if (!$wait = BatchWait::begin($bid)) {
      return;
    }
    if (isset($batch[BatchFailures::KEY]['over']) && $batch[BatchFailures::KEY]['over'] === 'finished') {
      BatchWait::mend($batch);
      self::endProgress($bid);
      $wait->end();
      return;
    }
    BatchSurroundings::enter($batch);
    $kept = self::keep($batch);
    $failed = self::fail($kept, $batch);
    $claimed = self::claim($row->batch, $hidden ? $failed : $wait->page($kept, $failed));
    if (!$claimed || (!$hidden && self::isTaken($bid))) {
      $wait->end();
      return;
    }
    self::$open = array($kept, $batch, $wait);
    // Before Drupal releases the locks.
    $functions = &drupal_register_shutdown_function();
    array_unshift($functions, array('callback' => array(__CLASS__, 'leave'), 'arguments' => array()));
    unset($functions);
    $error = self::call($batch);
    self::leave();
    $batch = array();
    if ($error) {
      throw $error;
    }
  }

  /** The batch as it stays. */
  private static function keep(array $batch) {
    $kept = array_intersect_key($batch, array_flip(self::$kept));
    unset($kept['form_state']['complete form']);
    $set = $batch['sets'][$batch['current_set']];
    $kept['sets'] = array(array(
      'success' => TRUE,
      'count' => 0,
      'total' => 0,
      'results' => array(),
      'sandbox' => array(),
      'queue' => array('name' => 'drupal_batch:' . $batch['id'] . ':over', 'class' => 'BatchMemoryQueue'),
    ) + array_intersect_key($set, array_flip(array('title', 'init_message', 'progress_message', 'error_message', 'css', 'start', 'elapsed'))));
    $kept['current_set'] = 0;
    $kept[BatchFailures::KEY] = array_diff_key((array) $batch[BatchFailures::KEY], array('messages' => TRUE));
    $kept[BatchFailures::KEY] = array('over' => 'finished') + BatchSets::sum($batch) + $kept[BatchFailures::KEY];
    return $kept;
  }

  /** The batch as it stays when what follows on it dies. */
  private static function fail(array $kept, array $batch) {
    self::keepMessages($kept, $batch);
    BatchMessages::add($kept, t('What was to follow on this batch has not come to its end.'), 'error');
    BatchMessages::append($kept);
    return $kept;
  }

  /** Keeps what was said while the operations ran. */
  private static function keepMessages(array &$kept, array $batch) {
    foreach ($batch['sets'] as $set) {
      if (BatchSets::isMessage($set)) {
        BatchMessages::add($kept, $set['success'], $set['results']);
      }
    }
  }

  /** Puts it into the place of the one that was read, unless somebody has changed that. */
  private static function claim($data, array $claimed) {
    return db_query('UPDATE {batch} SET batch = :new, timestamp = :now WHERE bid = :bid AND MD5(batch) = :old', array(
      ':new' => serialize($claimed),
      ':now' => time(),
      ':bid' => $claimed['id'],
      ':old' => md5($data),
    ))->rowCount() > 0;
  }

  /**
   * Whether a page has read the batch before it was claimed, and calls what follows.
   *
   * Such a page removes the progress right behind that, and nobody makes it again.
   */
  private static function isTaken($bid) {
    for ($look = 0; $look < 2; $look++) {
      usleep(self::PATIENCE);
      if (progress_get_progress(BatchProgress::PREFIX . $bid)) {
        return FALSE;
      }
    }
    return TRUE;
  }

  /**
   * Calls what is to follow on each set, as the core does.
   *
   * @return \Exception|\Throwable|null
   *   What the first of them threw; the others are called all the same.
   */
  private static function call(array $batch) {
    $first = NULL;
    foreach ($batch['sets'] as $set) {
      if (BatchSets::isMessage($set)) {
        call_user_func('drupal_set_message', $set['success'], $set['results']);
        continue;
      }
      try {
        self::callOne($set);
      }
      catch (\Exception $error) {
        $first = $first ? $first : $error;
      }
      catch (\Throwable $error) {
        $first = $first ? $first : $error;
      }
    }
    if ($first) {
      drupal_set_message(t('What was to follow on this batch has failed: @why', array('@why' => $first->getMessage())), 'error');
    }
    return $first;
  }

  private static function callOne(array $set) {
    if (!isset($set['finished'])) {
      return;
    }
    if (isset($set['file']) && is_file($set['file'])) {
      include_once DRUPAL_ROOT . '/' . $set['file'];
    }
    if (is_callable($set['finished'])) {
      $queue = _batch_queue($set);
      $left = $queue ? $queue->getAllItems() : array();
      $elapsed = format_interval((int) ((isset($set['elapsed']) ? $set['elapsed'] : 0) / 1000));
      call_user_func($set['finished'], $set['success'], $set['results'], $left, $elapsed);
    }
  }

  /** Leaves what waits for the starter; also when a callback has ended PHP, as a redirect does. */
  public static function leave() {
    if (!self::$open) {
      return;
    }
    list($kept, $before, $wait) = self::$open;
    self::$open = NULL;
    $fatal = Ending::fatal(error_get_last(), 'drupald_batch_finish');
    if ($fatal) {
      // It may have been for want of memory.
      @ini_set('memory_limit', (string) (memory_get_usage(TRUE) + 33554432));
    }
    db_set_active();
    $batch = batch_get();
    foreach (array('redirect', 'destination', 'form_state') as $key) {
      // A callback may have chosen another one.
      if (isset($batch[$key])) {
        $kept[$key] = $batch[$key];
      }
    }
    unset($kept['form_state']['complete form']);
    BatchMessages::collect($kept);
    // A callback that has ended PHP has kept them from being said.
    self::keepMessages($kept, $before);
    if ($fatal) {
      // Nothing was thrown that call() could have told of.
      BatchMessages::add($kept, t('What was to follow on this batch has failed: @why', array('@why' => $fatal['message'])), 'error');
    }
    BatchMessages::append($kept);
    BatchSave::write($kept, array());
    $wait->end();
    foreach ($before['sets'] as $set) {
      if ($queue = _batch_queue($set)) {
        $queue->deleteQueue();
      }
    }
    self::endProgress($kept['id']);
  }

  private static function endProgress($bid) {
    $name = BatchProgress::PREFIX . $bid;
    $row = progress_get_progress($name);
    progress_end_progress($name, $row ? $row->message : '');
  }

}
