<?php

namespace Drupald\Drupal7;

use Drupald\Ending;

/**
 * Runs the operations of a batch until it is done, or its process is to be relieved.
 *
 * Sets, operations and their context are what Drupal and the module
 * background_batch make of them. Operations that are done leave their queue
 * together with the save of the batch: whatever happens, exactly those run again
 * that are not saved.
 */
class BatchRun {

  private static $current;

  private $rules;
  private $batch;
  private $bid;
  private $arguments;
  private $progress;
  private $failures;
  private $limits;
  private $work;

  /**
   * @param array $rules
   *   save: seconds between two saves at most, 0: each operation. onFailure and
   *   retries as of BatchFailures. sentence: why the process before this one died.
   *   ended: whether somebody has ended that.
   * @param int|null $owner
   *   Its starter, where the batch itself does not say so.
   */
  public static function run($bid, $data, array $rules, $owner = NULL) {
    require_once DRUPAL_ROOT . '/includes/batch.inc';
    $batch = &batch_get();
    $batch = unserialize($data);
    if (!isset($batch['sets'], $batch['current_set'], $batch['sets'][$batch['current_set']])) {
      BatchEnd::refuse($bid, 'its row cannot be read');
    }
    if ($owner !== NULL) {
      $batch['uid'] = $owner;
    }
    // The module does not let anybody else work on it, and compares as it does.
    if ((isset($batch['uid']) ? $batch['uid'] : 0) != $GLOBALS['user']->uid) {
      $batch = array();
      BatchEnd::refuse($bid, 'it runs as somebody else than its starter, who may be gone');
    }
    self::$current = new self($bid, $batch, $rules);
    self::$current->arguments = $owner === NULL ? array($bid) : array($bid, $owner);
    self::$current->go();
    self::$current = NULL;
    $batch = array();
    unset($data);
    BatchLimits::restore();
  }

  /**
   * PHP ends in the middle of it: what is done is saved while that is possible.
   *
   * @param string $sentence
   *   Why.
   */
  public static function abandon($sentence) {
    $run = self::$current;
    self::$current = NULL;
    if ($run) {
      try {
        @ini_set('memory_limit', (string) (memory_get_usage(TRUE) + 268435456));
        Site::reconnect();
        $run->fail($run->work && $run->work->isInside() ? BatchFailures::about($run->work->name(), $sentence) : $sentence);
      }
      catch (\Exception $error) {
        self::lost($error);
      }
      catch (\Throwable $error) {
        self::lost($error);
      }
    }
  }

  /** What is not saved runs again. */
  private static function lost($error) {
    \Drupald\OutputLog::note('The batch could not be saved: ' . $error->getMessage());
  }

  private function __construct($bid, array &$batch, array $rules) {
    $this->bid = $bid;
    $this->batch = &$batch;
    $this->rules = $rules + array('save' => 1, 'onFailure' => 'retry', 'retries' => 2, 'sentence' => '', 'ended' => FALSE);
    $this->progress = new BatchProgress($bid);
  }

  private function go() {
    $this->progress->prepare($this->batch);
    if (!empty($this->batch[BatchFailures::KEY]['over'])) {
      // Somebody has opened its page: nothing is left to do.
      $this->progress->complete();
      if ($this->batch[BatchFailures::KEY]['over'] === 'finished') {
        $this->progress->end();
      }
      return;
    }
    BatchSurroundings::enter($this->batch);
    $this->limits = new BatchLimits();
    $this->failures = new BatchFailures($this->batch, $this->rules);
    $this->work = new BatchWork($this->bid, $this->batch, $this->progress, $this->failures, $this->rules['save']);
    $verdict = $this->failures->begin($this->rules['sentence'], $this->rules['ended']);
    if ($verdict === 'skip') {
      $this->judge($verdict);
    }
    BatchSets::mend($this->batch);
    $set = &$this->batch['sets'][$this->batch['current_set']];
    if (empty($set['start'])) {
      $set['start'] = microtime(TRUE);
      $this->progress->begin($this->batch);
    }
    unset($set);
    if ($verdict === 'stop') {
      $this->judge($verdict);
    }
    elseif (($notice = $this->failures->notice()) !== '') {
      $this->progress->say($this->batch, $notice);
    }
    if (!$this->work->isOver()) {
      $this->work->open();
    }
    while (!$this->work->isOver() && !$this->work->isGone()) {
      if ($this->limits->areReached()) {
        $this->relieve();
        return;
      }
      $this->step();
    }
    if (!$this->work->isGone()) {
      $this->finish();
    }
  }

  private function step() {
    try {
      $this->work->step();
    }
    catch (\Exception $error) {
      throw $this->work->isInside() ? $this->threw($error) : $error;
    }
    catch (\Throwable $error) {
      throw $this->work->isInside() ? $this->threw($error) : $error;
    }
    $this->limits->stepped();
  }

  /** Another process goes on. */
  private function relieve() {
    $this->failures->leave();
    if ($this->work->save()) {
      $this->work->tell();
      call_user_func_array('background_process_keepalive', $this->arguments);
    }
  }

  /** Everything is done. */
  private function finish() {
    $this->failures->leave();
    if (empty($this->batch[BatchFailures::KEY]['over'])) {
      $this->batch[BatchFailures::KEY]['over'] = 'done';
      $this->failures->forget();
    }
    BatchMessages::append($this->batch);
    if ($this->work->save()) {
      $this->progress->complete();
    }
  }

  /**
   * What was done before it counts, and not a bit of the operation that failed.
   *
   * @return \Exception|\Throwable
   *   What is to be thrown on.
   */
  private function threw($error) {
    self::$current = NULL;
    $name = $this->work->name();
    $ending = Ending::threw($error, $name);
    try {
      Site::reconnect();
      $this->fail(BatchFailures::about($name, $ending['sentence']));
    }
    catch (\Exception $saving) {
      self::lost($saving);
    }
    return $error;
  }

  private function fail($sentence) {
    Site::rollBack();
    $item_id = $this->work ? $this->work->takeBack() : 0;
    if (!$this->work || $this->work->isGone()) {
      return;
    }
    $verdict = $item_id === 0 ? '' : $this->failures->failed($item_id, $sentence);
    $this->failures->leave();
    BatchMessages::collect($this->batch);
    if ($verdict === '') {
      $this->saveUnlessEmpty();
      $this->progress->say($this->batch, $this->failures->notice());
      return;
    }
    if ($verdict === 'skip') {
      // By the process that goes on: this one cannot go to another set any more.
      $this->failures->skipLater();
      $this->saveUnlessEmpty();
      $this->progress->say($this->batch, $this->failures->notice());
      return;
    }
    $this->judge($verdict);
    $this->finish();
  }

  /** A set that is empty while others follow is not saved as such: the page would take it for the end. */
  private function saveUnlessEmpty() {
    if (!empty($this->batch['sets'][$this->batch['current_set']]['count'])) {
      $this->work->save();
    }
  }

  /** Does what the rules say of an operation that has failed often enough. */
  private function judge($verdict) {
    $why = $this->failures->why();
    $item = $this->failures->item();
    if ($verdict === 'skip') {
      // A process that died behind this has removed it before.
      BatchOperation::drop($this->batch, $item);
      BatchMessages::add($this->batch, t('An operation was left out, because it failed: @why', array('@why' => $why)), 'warning');
      $this->failures->forget();
      return;
    }
    BatchEnd::stop($this->batch, t('The batch was ended before it was done, because an operation failed: @why', array('@why' => $why)));
  }

}
