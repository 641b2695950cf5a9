<?php

namespace Drupald\Drupal7;

use Drupald\Channel;

/**
 * The hook by which modules learn that a process is over: called once, by whomever.
 *
 * A file tells a helper of the daemon whether it still has to be called, when this
 * process dies before it was.
 */
class RunHook {

  private $channel;
  private $file;
  private $listeners = 0;
  private $begun = FALSE;
  private $hidden;

  public function __construct(Channel $channel, array $job) {
    $this->channel = $channel;
    $this->file = empty($job['hookFile']) ? '' : $job['hookFile'];
  }

  /** Looks who listens; before the claim. */
  public function prepare() {
    $this->listeners = Site::shutdownListeners();
  }

  /** How many modules listen. */
  public function listeners() {
    return $this->listeners;
  }

  public function isBegun() {
    return $this->begun;
  }

  /** It is about to be called here. */
  public function begin() {
    $this->begun = TRUE;
    $this->leave();
    $this->channel->send(array('type' => 'hook', 'state' => 'begun'));
  }

  /** Somebody else calls it, has called it, or means it not to be called: no helper may. */
  public function leave() {
    HookMark::begin($this->path());
  }

  /** It was called. */
  public function done() {
    HookMark::done($this->path());
  }

  /** The module that calls it would do so once more: it finds nobody who listens. */
  public function hide() {
    $implementations = &drupal_static('module_implements');
    $this->hidden = isset($implementations['background_process_shutdown']) ? $implementations['background_process_shutdown'] : NULL;
    $implementations['background_process_shutdown'] = array();
  }

  /** Takes that back. */
  public function show() {
    if ($this->hidden !== NULL) {
      $implementations = &drupal_static('module_implements');
      $implementations['background_process_shutdown'] = $this->hidden;
    }
  }

  /** Whether it was hidden from the module. */
  public function isHidden() {
    return $this->hidden !== NULL;
  }

  /** Nobody asks for the file when nobody listens. */
  private function path() {
    return $this->listeners ? $this->file : '';
  }

}
