<?php

namespace Drupald\Drupal7;

/**
 * How a batch ends before everything is done.
 */
class BatchEnd {

  /**
   * Ends it: the pages of the site go to its end, where the callbacks of sets that are not through learn so.
   *
   * What is left stays in the queues, because these callbacks are told of it.
   *
   * @param string $text
   *   What the starter is told.
   */
  public static function stop(array &$batch, $text) {
    foreach ($batch['sets'] as $index => $set) {
      if ($index >= $batch['current_set'] && !BatchSets::isMessage($set) && (empty($set['success']) || !empty($set['count']))) {
        $batch['sets'][$index]['success'] = FALSE;
      }
    }
    // The pages take that for the end; what it was is needed by a batch that is to go on.
    $batch[BatchFailures::KEY]['count'] = $batch['sets'][$batch['current_set']]['count'];
    $batch['sets'][$batch['current_set']]['count'] = 0;
    $batch[BatchFailures::KEY]['over'] = 'stopped';
    $batch[BatchFailures::KEY]['end'] = $text;
    BatchMessages::add($batch, $text, 'error');
  }

  /** Takes that back. */
  public static function undo(array &$batch) {
    $note = &$batch[BatchFailures::KEY];
    foreach ($batch['sets'] as $index => $set) {
      if (BatchSets::isMessage($set)) {
        unset($batch['sets'][$index]);
        if ($set['success'] !== $note['end']) {
          BatchMessages::add($batch, $set['success'], $set['results']);
        }
      }
    }
    $batch['sets'] = array_values($batch['sets']);
    $batch['sets'][$batch['current_set']]['count'] = $note['count'];
    unset($note['over'], $note['end'], $note['count']);
    BatchSets::mend($batch);
  }

  /** Its progress ends, or another process would be begun again and again. */
  public static function refuse($bid, $why) {
    $progress = new BatchProgress($bid);
    $progress->end();
    throw new \RuntimeException("The batch $bid cannot go on: $why.");
  }

}
