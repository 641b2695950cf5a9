<?php

namespace Drupald\Drupal7;

/**
 * The sets of a batch, and whether they agree with their queues.
 */
class BatchSets {

  /**
   * Lets no set count more than its queue really holds.
   *
   * Nor less: what a queue holds besides was added by an operation that died in
   * that moment, and adds it once more. Sets may share a queue, from which they
   * take in their order: then the first of them has lost what is missing.
   */
  public static function mend(array &$batch) {
    $groups = array();
    foreach ($batch['sets'] as $index => $set) {
      if ($index >= $batch['current_set'] && empty($set['success']) && !empty($set['count']) && isset($set['queue']['name'])) {
        $groups[$set['queue']['name']][] = $index;
      }
    }
    foreach ($groups as $indexes) {
      $left = BatchItems::count($batch['sets'][$indexes[0]]);
      foreach (array_reverse($indexes) as $index) {
        $batch['sets'][$index]['count'] = min($batch['sets'][$index]['count'], $left);
        $left -= $batch['sets'][$index]['count'];
      }
    }
  }

  /** How many operations all sets have had, and how many of them were left when it was stopped. */
  public static function sum(array $batch) {
    $sum = array('total' => 0, 'left' => 0);
    foreach ($batch['sets'] as $set) {
      $sum['total'] += (int) $set['total'];
      $sum['left'] += (int) $set['count'];
    }
    if (isset($batch[BatchFailures::KEY]['count'])) {
      $sum['left'] += $batch[BatchFailures::KEY]['count'];
    }
    return $sum;
  }

  /**
   * Gives sets that were just added behind the current one queues of their own.
   *
   * Drupal names a queue by the place of its set, so that one that is added may get
   * the name of the one whose place it takes: each would run operations of the other.
   *
   * @param int $added
   *   How many; the one that was added last is the first.
   */
  public static function separate(array &$batch, $added) {
    $first = $batch['current_set'] + 1;
    for ($index = $first; $index < $first + $added; $index++) {
      $set = $batch['sets'][$index];
      if (!BatchItems::inTable($set) || !self::isShared($batch, $index)) {
        continue;
      }
      $names = array();
      foreach ($batch['sets'] as $other) {
        $names[] = isset($other['queue']['name']) ? $other['queue']['name'] : '';
      }
      $number = count($batch['sets']);
      while (in_array($name = 'drupal_batch:' . $batch['id'] . ':' . $number, $names, TRUE)) {
        $number++;
      }
      self::move($set['queue']['name'], $name, $set['total']);
      $batch['sets'][$index]['queue']['name'] = $name;
    }
  }

  /** Whether another set has the queue of this one. */
  private static function isShared(array $batch, $index) {
    $name = $batch['sets'][$index]['queue']['name'];
    foreach ($batch['sets'] as $other => $set) {
      if ($other !== $index && isset($set['queue']['name']) && $set['queue']['name'] === $name) {
        return TRUE;
      }
    }
    return FALSE;
  }

  /** Gives the last items of a queue another one. */
  private static function move($from, $to, $count) {
    if ($count > 0) {
      db_set_active();
      $ids = db_query_range('SELECT item_id FROM {queue} WHERE name = :name ORDER BY item_id DESC', 0, $count, array(':name' => $from))->fetchCol();
      foreach (array_chunk($ids, 500) as $some) {
        db_update('queue')->fields(array('name' => $to))->condition('item_id', $some, 'IN')->execute();
      }
    }
  }

  /**
   * Adds a text that is shown where the batch ends, as a message of Drupal.
   *
   * It is a set whose callback is Drupal's own function for messages: so also
   * the page of the site shows it, whoever opens that.
   */
  public static function addMessage(array &$batch, $text, $type) {
    $number = count($batch['sets']);
    $batch['sets'][] = array(
      'finished' => 'drupal_set_message',
      // These two are its first arguments.
      'success' => $text,
      'results' => $type,
      'elapsed' => 0,
      'start' => 0,
      'sandbox' => array(),
      'total' => 0,
      'count' => 0,
      'title' => '',
      'init_message' => '',
      'progress_message' => '',
      'error_message' => '',
      'css' => array(),
      'queue' => array('name' => 'drupal_batch:' . $batch['id'] . ':message-' . $number, 'class' => 'BatchMemoryQueue'),
    );
  }

  /** Whether a set is such a message. */
  public static function isMessage(array $set) {
    return isset($set['finished']) && $set['finished'] === 'drupal_set_message';
  }

}
