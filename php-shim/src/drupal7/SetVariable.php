<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\Parting;

/**
 * Sets one variable of the site through its own function, which knows its caches.
 */
class SetVariable {

  private $job;
  private $channel;
  private $forked;
  private $boot;
  private $booted = FALSE;

  public function __construct(array $job, Channel $channel, $forked) {
    $this->job = $job;
    $this->channel = $channel;
    $this->forked = $forked;
    $this->boot = new Boot($channel);
  }

  public function perform() {
    Parting::with(array($this, 'shutdown'));
    if (!$this->boot->full($this->job)) {
      exit(1);
    }
    $this->booted = TRUE;
    variable_set($this->job['name'], $this->job['value']);
    $this->channel->send(array('type' => 'set'));
    exit(0);
  }

  public function shutdown() {
    if (!$this->booted) {
      $this->boot->ended(error_get_last());
    }
    $leaving = new Leaving($this->channel, $this->forked);
    $leaving->arm();
  }

}
