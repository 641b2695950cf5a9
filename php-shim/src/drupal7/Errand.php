<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\Parting;

/**
 * What a worker does on behalf of the daemon, in the booted site.
 */
abstract class Errand {

  protected $job;
  protected $channel;
  private $forked;
  private $boot;
  private $booted = FALSE;

  public function __construct(array $job, Channel $channel, $forked) {
    $this->job = $job;
    $this->channel = $channel;
    $this->forked = $forked;
    $this->boot = new Boot($channel);
  }

  /** Does it, and tells that it is done. */
  abstract protected function work();

  public function perform() {
    Parting::with(array($this, 'shutdown'));
    if (!$this->boot->full($this->job)) {
      exit(1);
    }
    $this->booted = TRUE;
    $this->work();
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
