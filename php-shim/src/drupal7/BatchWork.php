<?php

namespace Drupald\Drupal7;

/**
 * The operations of a batch, one after another, and the save of what they have come to.
 */
class BatchWork {

  private $bid;
  private $batch;
  private $progress;
  private $failures;
  private $interval;
  private $items;
  private $spent = array();
  private $saved = 0;
  private $fraction = 0;
  private $message = '';
  private $inside;
  private $before;
  private $isGone = FALSE;

  /**
   * @param array $batch
   *   The batch, by reference.
   * @param float $interval
   *   Seconds between two saves at most; 0: each operation.
   */
  public function __construct($bid, array &$batch, BatchProgress $progress, BatchFailures $failures, $interval) {
    $this->bid = $bid;
    $this->batch = &$batch;
    $this->progress = $progress;
    $this->failures = $failures;
    $this->interval = $interval;
  }

  /** Begins with the current set. */
  public function open() {
    $set = &$this->batch['sets'][$this->batch['current_set']];
    $this->items = new BatchItems($set);
    $isEmpty = empty($set['count']) && empty($set['success']);
    if ($isEmpty) {
      // The page would take it for the end of the batch. The first step puts that right.
      $set['count'] = 1;
    }
    unset($set);
    $this->save();
    if ($isEmpty) {
      $this->saved = 0;
    }
  }

  /** Whether all of its sets are through, or it was ended. */
  public function isOver() {
    return !empty($this->batch[BatchFailures::KEY]['over']) || !empty($this->batch['sets'][$this->batch['current_set']]['success']);
  }

  /** Whether somebody has ended the batch meanwhile: there is nothing to save any more. */
  public function isGone() {
    return $this->isGone;
  }

  /** Whether something of the site is called now. */
  public function isInside() {
    return $this->before !== NULL;
  }

  /** Which operation is called now, as people write it. */
  public function name() {
    return $this->inside ? $this->inside->name() : 'a form submit handler';
  }

  /**
   * Has the batch as it was before what is called now.
   *
   * @return int|string
   *   Which item that was, or which set; 0: nothing was called.
   */
  public function takeBack() {
    if (!$this->before) {
      return 0;
    }
    list($item_id, $this->batch) = $this->before;
    $this->inside = $this->before = NULL;
    return $item_id;
  }

  /** Shows how far it is. */
  public function tell() {
    $this->progress->tell($this->batch, $this->fraction, $this->message);
  }

  /** One call of one operation, and what follows from it. */
  public function step() {
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
      $changed ? $this->progress->begin($this->batch) : $this->tell();
    }
    if (!$this->isOver() && ($this->failures->isCareful() || microtime(TRUE) - $this->saved >= $this->interval)) {
      $this->save();
    }
  }

  /** Before an operation that could take more with it than itself. */
  private function announce($item, array $set) {
    if ($this->failures->isCareful()) {
      $this->failures->announce($item->item_id, BatchOperation::nameOf($item));
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
    $this->inside = BatchOperation::of($item);
    $this->inside->call($set, $finished, $this->message, array($this, 'told'), $this->progress->interval());
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
      _batch_next_set();
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
  public function save() {
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

}
