<?php

namespace Drupald\Drupal7;

/**
 * The locks of one run, as they are given back at its end.
 */
class Locks {

  private $id;
  private $held = FALSE;

  public function __construct() {
    $this->id = Site::lockId();
  }

  /** The value under which they stand in the table semaphore; '' without that table's lock API. */
  public function id() {
    return $this->id;
  }

  /**
   * Remembers whether any are held, before Drupal gives them back.
   *
   * Drupal forgets them first and asks the database then: when that fails, it does not know of them any more.
   */
  public function look() {
    $this->held = $this->held || !empty($GLOBALS['locks']);
  }

  /**
   * Gives back what is left, very last: a lock taken by a late shutdown function must not outlive us.
   *
   * @return array
   *   Fields for the last message: that they are kept, if the database could not do it.
   */
  public function release() {
    $this->look();
    if ($this->id === '' || !$this->held) {
      return array();
    }
    try {
      lock_release_all($this->id);
    }
    catch (\Exception $error) {
      return array('locks' => 'kept');
    }
    catch (\Throwable $error) {
      return array('locks' => 'kept');
    }
    return array();
  }

}
