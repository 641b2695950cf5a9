<?php

namespace Drupald\Drupal7;

/**
 * Operations of a batch that fail, and what becomes of them.
 *
 * Kept in the batch itself, under a key of our own: so nothing is forgotten,
 * whoever goes on with it. While a run is in hand the batch says so; a run that
 * finds that said of another one knows that it died without a word. Which
 * operation that was in is known if each was announced before it began.
 */
class BatchFailures {

  /** Where it is kept. */
  const KEY = 'drupald';

  /** Operations that are announced one by one after the first death in an unknown one, and after the second. */
  private static $care = array(1 => 1000, 2 => 10000);

  /** Deaths beyond the retries of which nobody knows the operation. */
  const PATIENCE = 5;

  private $policy;
  private $retries;
  private $batch;

  /**
   * @param array $batch
   *   The batch, by reference.
   * @param array $rules
   *   onFailure: "retry", "skip" or "stop", which is what comes after the retries.
   *   retries: how often an operation is tried again before.
   */
  public function __construct(array &$batch, array $rules) {
    $this->batch = &$batch;
    $this->policy = $rules['onFailure'];
    $this->retries = (int) $rules['retries'];
    $batch += array(self::KEY => array());
    $batch[self::KEY] += array('run' => 0, 'item' => 0, 'failed' => 0, 'times' => 0, 'why' => '', 'care' => 0, 'deaths' => 0);
  }

  /**
   * A run takes the batch in hand.
   *
   * @param string $sentence
   *   Why the one before it died, if somebody knows.
   * @param bool $ended
   *   Whether somebody has ended that, so that no operation has failed.
   *
   * @return string
   *   What is to be done about the operation that has failed: nothing, or "skip" or "stop".
   */
  public function begin($sentence, $ended = FALSE) {
    $note = &$this->batch[self::KEY];
    $verdict = '';
    if ($note['run'] && !$ended) {
      $why = $sentence !== '' ? $sentence : t('The PHP process that ran it ended without a word.');
      if ($note['care']) {
        $verdict = $this->count($note['item'], self::about(isset($note['name']) ? $note['name'] : '', $why));
      }
      else {
        $note['deaths']++;
        $note['care'] = isset(self::$care[$note['deaths']]) ? self::$care[$note['deaths']] : PHP_INT_MAX;
        $verdict = $this->count(0, $why);
      }
    }
    $note['run'] = getmypid();
    if ($verdict === '' && !empty($note['skip'])) {
      $verdict = 'skip';
    }
    unset($note['skip']);
    return $verdict;
  }

  /**
   * An operation has failed, and PHP lives to say so.
   *
   * @return string
   *   As of begin().
   */
  public function failed($item_id, $sentence) {
    $this->batch[self::KEY]['run'] = 0;
    $verdict = $this->count($item_id, $sentence);
    // A form's submit handler between two sets is not called twice, nor left out.
    return is_numeric($item_id) ? $verdict : 'stop';
  }

  /** @param int|string $item_id 0: it is not known which. */
  private function count($item_id, $why) {
    $note = &$this->batch[self::KEY];
    // One that is not known may have been any of the next ones.
    $same = $note['failed'] === 0 || (string) $note['failed'] === (string) $item_id;
    $note['times'] = $same || $item_id === 0 ? $note['times'] + 1 : 1;
    $note['failed'] = $item_id;
    $note['why'] = $why;
    if ($item_id === 0) {
      // Nor is it ever, when processes die before they begin one.
      return $note['times'] > $this->retries + self::PATIENCE ? 'stop' : '';
    }
    if ($this->policy === 'retry' && $note['times'] <= $this->retries) {
      return '';
    }
    return $this->policy === 'skip' ? 'skip' : 'stop';
  }

  /** The next run is to leave the operation out. */
  public function skipLater() {
    $this->batch[self::KEY]['skip'] = TRUE;
  }

  /** The operation that failed; 0: none, or it is not known which. */
  public function item() {
    return $this->batch[self::KEY]['failed'];
  }

  /** Why it did. */
  public function why() {
    return (string) $this->batch[self::KEY]['why'];
  }

  /** What the page says meanwhile; empty: nothing has failed. */
  public function notice() {
    $note = $this->batch[self::KEY];
    if (!empty($note['skip'])) {
      return t('An operation has failed, and is left out: @why', array('@why' => self::sentence($note['why'])));
    }
    return $note['times'] === 0 ? '' : t('An operation has failed: @why It is tried again (@number).', array(
      '@why' => self::sentence($note['why']),
      '@number' => $note['times'],
    ));
  }

  /** Whether each operation is announced, which takes a save. */
  public function isCareful() {
    return $this->batch[self::KEY]['care'] > 0;
  }

  /** Which operation is about to begin. */
  public function announce($item_id, $name) {
    $this->batch[self::KEY]['item'] = $item_id;
    $this->batch[self::KEY]['name'] = $name;
  }

  /** A sentence that tells of the operation what it told of the callback, which is the same for each batch. */
  public static function about($name, $sentence) {
    return $name === '' ? $sentence : preg_replace_callback('/^It(?= )|\bthe callback \S+/i', function ($found) use ($name) {
      return ($found[0][0] === 't' ? 'the' : 'The') . ' operation ' . $name;
    }, $sentence, 1);
  }

  /** An operation is done. */
  public function passed($item_id) {
    $note = &$this->batch[self::KEY];
    if ($note['care'] > 0) {
      $note['care']--;
    }
    if ($note['times'] > 0 && ($note['care'] === 0 || (string) $note['failed'] === (string) $item_id)) {
      $this->forget();
    }
  }

  /** The operation that failed does not matter any more. */
  public function forget() {
    $note = &$this->batch[self::KEY];
    $note['failed'] = $note['times'] = 0;
    $note['why'] = '';
  }

  /** The run leaves the batch as it should be. */
  public function leave() {
    $this->batch[self::KEY]['run'] = 0;
  }

  /** A text with one full stop at its end. */
  public static function sentence($text) {
    return rtrim(trim((string) $text), '.') . '.';
  }

}
