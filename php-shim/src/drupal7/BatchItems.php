<?php

namespace Drupald\Drupal7;

/**
 * The operations that a set of a batch has left, in their order.
 *
 * Operations in Drupal's own table are read ahead, and removed together with the
 * next save of the batch. Another queue is asked one by one.
 */
class BatchItems {

  /** Bytes of operations that are read ahead, and the most of them. */
  const BYTES = 524288;
  const MOST = 250;

  private $name;
  private $queue;
  private $isTable;
  private $ahead = array();
  private $last = 0;
  private $size = 8192;
  private $done = array();

  /** @param array $set */
  public function __construct(array $set) {
    $this->name = isset($set['queue']['name']) ? $set['queue']['name'] : '';
    $this->queue = $this->name === '' ? NULL : _batch_queue($set);
    $this->isTable = self::inTable($set);
  }

  /** Whether a set keeps its operations in Drupal's table, in Drupal's own way. */
  public static function inTable(array $set) {
    return isset($set['queue']['class']) && $set['queue']['class'] === 'BatchQueue';
  }

  /** How many a set has in truth. */
  public static function count(array $set) {
    if (self::inTable($set)) {
      return (int) db_query('SELECT COUNT(*) FROM {queue} WHERE name = :name', array(':name' => $set['queue']['name']))->fetchField();
    }
    $queue = _batch_queue($set);
    return $queue ? (int) $queue->numberOfItems() : 0;
  }

  /**
   * The next one, which stays the next one until it is done.
   *
   * @return object|false
   *   item_id; data, or where that is raw, the text that it is made of.
   */
  public function next() {
    if (!$this->isTable) {
      return $this->queue ? $this->queue->claimItem() : FALSE;
    }
    if (!$this->ahead) {
      $this->read();
    }
    $item = reset($this->ahead);
    return $item ? (object) array('item_id' => $item->item_id, 'raw' => $item->data) : FALSE;
  }

  private function read() {
    $most = (int) max(1, min(self::MOST, self::BYTES / $this->size));
    $this->ahead = db_query_range('SELECT item_id, data FROM {queue} WHERE name = :name AND item_id > :last ORDER BY item_id ASC', 0, $most, array(
      ':name' => $this->name,
      ':last' => $this->last,
    ))->fetchAll();
    $bytes = 0;
    foreach ($this->ahead as $item) {
      $bytes += strlen($item->data);
    }
    if ($this->ahead) {
      $this->size = max(1, $bytes / count($this->ahead));
      $this->last = end($this->ahead)->item_id;
    }
  }

  /** One is done: it goes with the next save. */
  public function done($item) {
    $this->done[] = $this->isTable ? $item->item_id : $item;
    if ($this->isTable) {
      array_shift($this->ahead);
    }
    else {
      // Such a queue gives the same one until it is gone.
      $this->remove();
    }
  }

  /** Those that are done and not removed yet. */
  public function pending() {
    return count($this->done);
  }

  /** Removes what is done, within the transaction of a save. */
  public function remove() {
    if (!$this->isTable) {
      foreach ($this->done as $item) {
        $this->queue->deleteItem($item);
      }
      $this->done = array();
      return;
    }
    foreach (array_chunk($this->done, 500) as $ids) {
      db_delete('queue')->condition('item_id', $ids, 'IN')->condition('name', $this->name)->execute();
    }
  }

  /** The save has come through. */
  public function removed() {
    $this->done = array();
  }

}
