<?php

namespace Drupald\Drupal7;

require_once __DIR__ . '/Errand.php';

/**
 * Sets one variable of the site through its own function, which knows its caches.
 */
class SetVariable extends Errand {

  protected function work() {
    variable_set($this->job['name'], $this->job['value']);
    $this->channel->send(array('type' => 'set'));
  }

}
