<?php

namespace Drupald\Drupal7;

/**
 * The context of an operation that wants its progress to be shown while it runs.
 *
 * It is what the module's own class is to an operation.
 */
class BatchContext extends \BackgroundBatchContext {

  private $told;
  private $interval;

  /**
   * @param array $context
   *   Keys of the plain context.
   * @param callable $told
   *   Gets how much is finished, from 0 to 1, the message, and the interval.
   * @param float $interval
   *   Seconds between two writes at least.
   */
  public function __construct(array $context, $told, $interval) {
    \ArrayObject::__construct($context);
    $this->told = $told;
    $this->interval = $interval;
  }

  public function setInterval($interval) {
    $this->interval = (float) $interval;
  }

  #[\ReturnTypeWillChange]
  public function offsetSet($name, $value) {
    \ArrayObject::offsetSet($name, $value);
    if ($name === 'finished') {
      call_user_func($this->told, (float) $value, isset($this['message']) ? (string) $this['message'] : '', $this->interval);
    }
  }

}
