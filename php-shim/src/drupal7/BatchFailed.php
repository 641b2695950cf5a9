<?php

namespace Drupald\Drupal7;

/**
 * Carries what an operation has thrown through functions that would change it.
 */
class BatchFailed extends \RuntimeException {

  /** What was thrown in truth. */
  public static function open($error) {
    return $error instanceof self && $error->getPrevious() ? $error->getPrevious() : $error;
  }

}
