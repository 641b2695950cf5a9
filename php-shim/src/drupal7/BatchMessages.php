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

  /** Bytes that a message of a progress may have. */
  const LENGTH = 65535;

  /**
   * A text as the column of a message can hold it.
   *
   * The database refuses one that is too long, has bytes that are no UTF-8, or
   * characters of four bytes where the site is not set up for these. None of this
   * is worth the process of a batch, which would die of it again and again.
   */
  public static function fit($text) {
    $text = (string) $text;
    if (!drupal_validate_utf8($text)) {
      // Texts of old code can be in any encoding.
      $text = preg_replace('/[^\x09\x0A\x0D\x20-\x7E]/', '?', $text);
    }
    $connection = \Database::getConnection('default', 'default');
    if (!method_exists($connection, 'utf8mb4IsActive') || !$connection->utf8mb4IsActive()) {
      $text = preg_replace('/[\x{10000}-\x{10FFFF}]/u', "\xEF\xBF\xBD", $text);
    }
    return strlen($text) > self::LENGTH ? drupal_truncate_bytes($text, self::LENGTH) : $text;
  }

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
