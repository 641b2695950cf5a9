<?php

namespace Drupald\Drupal7;

/**
 * Carries on a batch of Drupal's own Batch API that its browser has left.
 *
 * While it is hidden from Drupal's pages, nobody else can have it in hand.
 */
class CoreBatch {

  /** What the daemon puts before the token of a batch to hide it. */
  const MARK = 'drupald:';

  private static $rules = array();

  /** @param array $rules As of BatchRun. */
  public static function prepare(array $rules) {
    self::$rules = $rules;
  }

  /** @see drupald_core_batch() */
  public static function run($bid, $uid) {
    BatchLimits::allow($bid);
    $row = db_query('SELECT batch, token FROM {batch} WHERE bid = :bid', array(':bid' => $bid))->fetchObject();
    if (!$row || !self::isHidden($row->token)) {
      \Drupald\OutputLog::note('The batch is gone, or its pages have it again.');
      return;
    }
    BatchRun::run($bid, $row->batch, self::$rules, $uid);
  }

  /** Whether a batch is hidden from Drupal's pages. */
  public static function isHidden($token) {
    return strpos((string) $token, self::MARK) === 0;
  }

}
