<?php

namespace Drupald\Drupal7;

use Drupald\Ending;

/**
 * One operation of a batch.
 */
class BatchOperation {

  /** By which the module sees to operations of batches that it has met. */
  const WRAPPER = '_background_batch_operation';

  private $function;
  private $arguments;
  private $isWrapped = FALSE;

  /** @throws \RuntimeException When the item holds none. */
  public static function of($item) {
    $operation = new self();
    $data = isset($item->raw) ? unserialize($item->raw) : $item->data;
    while (self::isOne($data) && $data[0] === self::WRAPPER && isset($data[1][0])) {
      $operation->isWrapped = TRUE;
      $data = $data[1][0];
    }
    if (!self::isOne($data)) {
      throw new \RuntimeException('It cannot be read, or is none');
    }
    $operation->function = $data[0];
    // Their names, if they have any, are no names of parameters.
    $operation->arguments = array_values((array) $data[1]);
    return $operation;
  }

  /** The name of the operation of an item; empty: it cannot be read. */
  public static function nameOf($item) {
    try {
      return self::of($item)->name();
    }
    catch (\Exception $error) {
      return '';
    }
    catch (\Throwable $error) {
      return '';
    }
  }

  private static function isOne($data) {
    return is_array($data) && isset($data[0]) && array_key_exists(1, $data);
  }

  /** As people write it. */
  public function name() {
    return Ending::callbackName($this->function);
  }

  /**
   * Calls it.
   *
   * @param array $set
   *   Its set, of which it gets the sandbox and the results.
   * @param float $finished
   *   Gets how much of it is finished.
   * @param string $message
   *   Gets what it says of itself.
   * @param callable $told
   *   As of BatchContext.
   * @param float $interval
   *   As of BatchContext.
   */
  public function call(array &$set, &$finished, &$message, $told, $interval) {
    if (!is_callable($this->function)) {
      throw new \RuntimeException('There is no function ' . $this->name());
    }
    $plain = array(
      'sandbox' => &$set['sandbox'],
      'results' => &$set['results'],
      'finished' => &$finished,
      'message' => &$message,
    );
    $fine = $this->isWrapped && !empty($set['sandbox']['background_batch_fine_progress']);
    if ($fine) {
      // Not before the module is there, whose class it extends.
      require_once __DIR__ . '/BatchContext.php';
    }
    $context = $fine ? new BatchContext($plain, $told, $interval) : $plain;
    $arguments = $this->arguments;
    $arguments[] = &$context;
    call_user_func_array($this->function, $arguments);
    if ($fine) {
      foreach ((array) $context as $key => $value) {
        $plain[$key] = $value;
      }
    }
  }

  /**
   * Removes the operation of an item of the current set without running it.
   *
   * @return bool
   *   FALSE: it is not there.
   */
  public static function drop(array &$batch, $item_id) {
    $set = &$batch['sets'][$batch['current_set']];
    if (BatchItems::inTable($set)) {
      $dropped = (bool) db_delete('queue')->condition('item_id', $item_id)->condition('name', $set['queue']['name'])->execute();
    }
    else {
      $queue = _batch_queue($set);
      $item = $queue ? $queue->claimItem() : FALSE;
      $dropped = $item && (string) $item->item_id === (string) $item_id;
      if ($dropped) {
        $queue->deleteItem($item);
      }
    }
    $set['sandbox'] = array();
    if ($dropped && !empty($set['count'])) {
      $set['count']--;
    }
    return $dropped;
  }

}
