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
  private $items;
  private $spent = array();
  private $progress;
  private $failures;
  private $limits;
  private $saved = 0;
  private $fraction = 0;
  private $message = '';
  private $inside;
  private $before;
  private $isGone = FALSE;
  private $arguments;

  /**
   * @param array $rules
   *   save: seconds between two saves at most, 0: each operation. onFailure and
   *   retries as of BatchFailures. sentence: why the process before this one died.
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
        $run->fail($sentence);
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
    $this->rules = $rules + array('save' => 1, 'onFailure' => 'retry', 'retries' => 2, 'sentence' => '');
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
    $verdict = $this->failures->begin($this->rules['sentence']);
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
    $this->items = new BatchItems($this->batch['sets'][$this->batch['current_set']]);
    $this->save();
    while (!$this->isOver() && !$this->isGone) {
      if ($this->limits->areReached()) {
        $this->relieve();
        return;
      }
      $this->step();
    }
    if (!$this->isGone) {
      $this->finish();
    }
  }

  /** Another process goes on. */
  private function relieve() {
    $this->failures->leave();
    if ($this->save()) {
      $this->progress->tell($this->batch, $this->fraction, $this->message);
      call_user_func_array('background_process_keepalive', $this->arguments);
    }
  }

  private function isOver() {
    return !empty($this->batch[BatchFailures::KEY]['over']) || !empty($this->batch['sets'][$this->batch['current_set']]['success']);
  }

  /** One call of one operation, and what follows from it. */
  private function step() {
    $set = $this->batch['sets'][$this->batch['current_set']];
    if (isset($set['file']) && is_file($set['file'])) {
      include_once DRUPAL_ROOT . '/' . $set['file'];
    }
    db_set_active();
    $item = empty($set['count']) ? FALSE : $this->items->next();
    if ($item) {
      $this->announce($item, $set);
      if ($this->isGone) {
        return;
      }
      $this->perform($item);
    }
    else {
      // What is counted and not there must not be waited for.
      $this->batch['sets'][$this->batch['current_set']]['count'] = 0;
    }
    $changed = $this->advance();
    if ($changed || $this->progress->isDue()) {
      $changed ? $this->progress->begin($this->batch) : $this->progress->tell($this->batch, $this->fraction, $this->message);
    }
    $this->limits->stepped();
    if (!$this->isOver() && ($this->failures->isCareful() || microtime(TRUE) - $this->saved >= $this->rules['save'])) {
      $this->save();
    }
  }

  /** Before an operation that could take more with it than itself. */
  private function announce($item, array $set) {
    if ($this->failures->isCareful()) {
      $this->failures->announce($item->item_id);
      $this->save();
    }
    elseif ($set['count'] == 1 && $this->pending() > 0 && isset($this->batch['sets'][$this->batch['current_set'] + 1]['form_submit'])) {
      // The set cannot be saved as empty before that function has run: the page would take it for the end.
      $this->save();
    }
  }

  private function perform($item) {
    $this->begin($item->item_id);
    $index = $this->batch['current_set'];
    $count = count($this->batch['sets']);
    $set = &$this->batch['sets'][$index];
    $this->message = '';
    $finished = 1;
    try {
      $this->inside = BatchOperation::of($item);
      $this->inside->call($set, $finished, $this->message, array($this, 'told'), $this->progress->interval());
    }
    catch (\Exception $error) {
      unset($set);
      throw $this->threw($error);
    }
    catch (\Throwable $error) {
      unset($set);
      throw $this->threw($error);
    }
    if (!isset($this->batch['id']) || $this->batch['id'] != $this->bid) {
      // An operation that has run a batch of its own, and left nothing of this one.
      $this->batch = $this->before[1];
      $this->batch['sets'][$index] = $set;
    }
    unset($set);
    $this->end($count);
    $set = &$this->batch['sets'][$index];
    if ($finished >= 1) {
      $this->items->done($item);
      $set['count']--;
      $set['sandbox'] = array();
      $this->fraction = 0;
      $this->failures->passed($item->item_id);
    }
    else {
      $this->fraction = (float) $finished;
    }
    $set['elapsed'] = round((microtime(TRUE) - $set['start']) * 1000, 2);
  }

  /** Called by an operation that wants its progress to be shown while it runs. */
  public function told($fraction, $message, $interval) {
    if (isset($this->batch['id']) && $this->batch['id'] == $this->bid && $this->progress->isDue($interval)) {
      $active = db_set_active();
      $this->progress->tell($this->batch, $fraction, $message);
      db_set_active($active);
    }
  }

  /** Whether something of the site is called now; should it fail, the batch is as it was. */
  private function begin($item_id) {
    $this->before = array($item_id, $this->batch);
  }

  private function end($count) {
    $this->inside = $this->before = NULL;
    db_set_active();
    BatchMessages::collect($this->batch);
    $added = count($this->batch['sets']) - $count;
    if ($added > 0) {
      BatchSets::separate($this->batch, $added);
    }
  }

  /**
   * Goes to the next set that has operations, as the core does.
   *
   * @return bool
   *   Whether there is one.
   */
  private function advance() {
    $batch = &$this->batch;
    $changed = FALSE;
    while (empty($batch['sets'][$batch['current_set']]['count'])) {
      $batch['sets'][$batch['current_set']]['success'] = TRUE;
      $count = count($batch['sets']);
      $next = $batch['current_set'] + 1;
      if ($next >= $count) {
        return FALSE;
      }
      $this->begin('set ' . $next);
      try {
        _batch_next_set();
      }
      catch (\Exception $error) {
        throw $this->threw($error);
      }
      catch (\Throwable $error) {
        throw $this->threw($error);
      }
      $this->end($count);
      $batch['sets'][$batch['current_set']]['start'] = microtime(TRUE);
      $changed = TRUE;
    }
    if ($changed) {
      $this->fraction = 0;
      $this->message = '';
      if ($this->items->pending() > 0) {
        $this->spent[] = $this->items;
      }
      $this->items = new BatchItems($batch['sets'][$batch['current_set']]);
    }
    return $changed;
  }

  private function pending() {
    return count($this->spent) + ($this->items ? $this->items->pending() : 0);
  }

  /** @return bool FALSE: there is nothing to save any more. */
  private function save() {
    $items = $this->spent;
    if ($this->items) {
      $items[] = $this->items;
    }
    if (!BatchSave::write($this->batch, $items)) {
      $this->isGone = TRUE;
      \Drupald\OutputLog::note('The batch is gone: somebody has ended it.');
      return FALSE;
    }
    $this->spent = array();
    $this->saved = microtime(TRUE);
    return TRUE;
  }

  /** Everything is done. */
  private function finish() {
    $this->failures->leave();
    if (empty($this->batch[BatchFailures::KEY]['over'])) {
      $this->batch[BatchFailures::KEY]['over'] = 'done';
    }
    BatchMessages::append($this->batch);
    if ($this->save()) {
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
    $name = $this->inside ? $this->inside->name() : 'a form submit handler';
    $ending = Ending::threw($error, $name);
    try {
      Site::reconnect();
      $this->fail(str_replace('The callback ' . $name, 'The operation ' . $name, $ending['sentence']));
    }
    catch (\Exception $saving) {
      self::lost($saving);
    }
    return $error;
  }

  private function fail($sentence) {
    Site::rollBack();
    $item_id = 0;
    if ($this->before) {
      list($item_id, $this->batch) = $this->before;
      $this->inside = $this->before = NULL;
    }
    if (!$this->failures || $this->isGone) {
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
      $this->save();
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
