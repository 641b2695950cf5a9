<?php

namespace Drupald\Drupal7;

/**
 * Messages for the starter of a batch, which wait in it until it ends.
 *
 * A background process has no session that Drupal would keep them in.
 */
class BatchMessages {

  /** Messages that are kept, of one kind. */
  const MOST = 100;

  /** Takes what was said since the last time. */
  public static function collect(array &$batch) {
    if (empty($_SESSION['messages'])) {
      return;
    }
    foreach ($_SESSION['messages'] as $type => $texts) {
      foreach ($texts as $text) {
        self::add($batch, $text, $type);
      }
    }
    unset($_SESSION['messages']);
  }

  /** Keeps a text, once. */
  public static function add(array &$batch, $text, $type) {
    $kept = &$batch[BatchFailures::KEY]['messages'][$type];
    $kept = (array) $kept;
    if (!in_array($text, $kept, TRUE) && count($kept) < self::MOST) {
      $kept[] = $text;
    }
  }

  /** Has them shown where the batch ends. */
  public static function append(array &$batch) {
    if (empty($batch[BatchFailures::KEY]['messages'])) {
      return;
    }
    foreach ($batch[BatchFailures::KEY]['messages'] as $type => $texts) {
      foreach ($texts as $text) {
        BatchSets::addMessage($batch, $text, $type);
      }
    }
    unset($batch[BatchFailures::KEY]['messages']);
  }

}
