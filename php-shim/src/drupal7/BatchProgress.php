<?php

namespace Drupald\Drupal7;

/**
 * What the pages of a batch show: its progress row, and that of its process.
 *
 * The page takes 100 % for the end of the batch and ends it, so less is shown
 * until everything is done and saved. The page rounds to two places.
 */
class BatchProgress {

  const MOST = 0.9999;

  /** What the module puts before the number of a batch. */
  const PREFIX = '_background_batch:';

  private $name;
  private $handle;
  private $interval;
  private $last = 0;
  private $shown = 0;
  private $total = 0;
  private $message = '';

  public function __construct($bid) {
    $this->name = self::PREFIX . $bid;
    $this->handle = background_process_current_handle();
    $this->interval = max(0, (float) variable_get('background_batch_delay', 1000000)) / 1000000;
  }

  /** Seconds between two writes. */
  public function interval() {
    return $this->interval;
  }

  /** Makes the row where there is none, or one that has ended. */
  public function prepare(array $batch) {
    db_set_active();
    $row = progress_get_progress($this->name);
    if ($row && !$row->end) {
      $this->message = (string) $row->message;
      $this->shown = (float) $row->progress;
      return;
    }
    progress_initialize_progress($this->name, '');
    if (isset($batch['timestamp']) && function_exists('progress_set_progress_start')) {
      progress_set_progress_start($this->name, $batch['timestamp']);
    }
  }

  /** Shows the true share again of a batch that was over. */
  public function restart(array $batch) {
    $this->prepare($batch);
    $this->shown = 0;
    $this->tell($batch, 0, '');
  }

  /**
   * Whether a write is due.
   *
   * @param float|null $interval
   *   Seconds since the last one; NULL: as the site has it.
   */
  public function isDue($interval = NULL) {
    return microtime(TRUE) >= $this->last + ($interval === NULL ? $this->interval : $interval);
  }

  /**
   * Writes how far a batch is.
   *
   * @param float $fraction
   *   How much of the present operation is finished, from 0 to 1.
   * @param string $message
   *   What the operation says of itself.
   */
  public function tell(array $batch, $fraction, $message) {
    $set = $batch['sets'][$batch['current_set']];
    $this->write($this->share($batch, $fraction), self::text($set, $fraction, $message));
  }

  /** Writes how far a batch is, and a message of ours. */
  public function say(array $batch, $message) {
    $this->write($this->share($batch, 0), $message);
  }

  /** A set begins. */
  public function begin(array $batch) {
    $set = $batch['sets'][$batch['current_set']];
    $this->say($batch, isset($set['init_message']) ? $set['init_message'] : $this->message);
  }

  /** The batch is done and saved. */
  public function complete() {
    $this->write(1, $this->message);
  }

  /** And its end has come. */
  public function end() {
    progress_end_progress($this->name, $this->message);
  }

  /** The share of everything that is known by now. It goes back only when there is more to do than before. */
  private function share(array $batch, $fraction) {
    $total = $left = 0;
    foreach ($batch['sets'] as $set) {
      $total += isset($set['total']) ? $set['total'] : 0;
      $left += isset($set['count']) ? $set['count'] : 0;
    }
    if ($total > $this->total && $this->total > 0) {
      $this->shown = 0;
    }
    $this->total = $total;
    $share = $total > 0 ? ($total - $left + min(1, max(0, $fraction))) / $total : 0;
    $this->shown = min(self::MOST, max($this->shown, $share));
    return $this->shown;
  }

  private function write($share, $message) {
    $this->last = microtime(TRUE);
    $this->message = $message = BatchMessages::fit($message);
    db_set_active();
    progress_set_progress($this->name, $message, $share);
    if ($this->handle) {
      // The overview of processes shows this one.
      $before = db_set_active('background_process');
      progress_set_progress($this->handle, $message, $share);
      db_set_active($before);
    }
  }

  /** The message of a set as Drupal builds it. */
  private static function text(array $set, $fraction, $message) {
    $total = isset($set['total']) ? $set['total'] : 0;
    $left = isset($set['count']) ? $set['count'] : 0;
    $current = $total - $left + min(1, max(0, $fraction));
    $elapsed = empty($set['start']) ? 0 : microtime(TRUE) - $set['start'];
    $text = strtr(isset($set['progress_message']) ? $set['progress_message'] : '', array(
      '@remaining' => $left,
      '@total' => $total,
      '@current' => floor($current),
      '@percentage' => _batch_api_percentage($total, $current),
      '@elapsed' => format_interval((int) $elapsed),
      '@estimate' => $current > 0 ? format_interval((int) ($elapsed * ($total - $current) / $current)) : '-',
    ));
    return $text . ($text === '' || (string) $message === '' ? '' : '<br />') . $message;
  }

}
