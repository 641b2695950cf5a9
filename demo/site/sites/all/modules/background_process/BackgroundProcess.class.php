<?php

/**
 * @file
 * A process from the side of the code that starts it.
 */

/**
 * A process to be started.
 */
#[\AllowDynamicProperties]
class BackgroundProcess {

  /**
   * Name of the process.
   *
   * @var string
   */
  public $handle;

  /**
   * Socket of the start request.
   *
   * @var resource
   */
  public $connection;

  /**
   * Name of the service host that is asked to run it.
   *
   * @var string
   */
  public $service_host;

  /**
   * Owner; NULL for the current user.
   *
   * @var int
   */
  public $uid;

  /**
   * A process object with the data of a row.
   */
  public static function load($process) {
    $new = new BackgroundProcess($process->handle);
    foreach (array('callback', 'args', 'uid', 'token', 'service_host', 'exec_status', 'start_stamp') as $name) {
      $new->$name = isset($process->$name) ? $process->$name : NULL;
    }
    $new->status = $new->exec_status;
    $new->start = $new->start_stamp;
    return $new;
  }

  /**
   * Gives it a name, if it has none, and a secret.
   */
  public function __construct($handle = NULL) {
    $this->handle = $handle ? $handle : background_process_generate_handle('auto');
    $this->token = background_process_generate_handle('token');
  }

  /**
   * Makes the row that keeps others from starting the same handle.
   */
  public function lock($status = BACKGROUND_PROCESS_STATUS_LOCKED) {
    if (background_process_get_process($this->handle)) {
      return FALSE;
    }
    $this->start_stamp = $this->start = microtime(TRUE);
    if (!background_process_lock_process($this->handle, $status)) {
      watchdog('bg_process', 'Could not lock handle %handle', array('%handle' => $this->handle), WATCHDOG_ERROR);
      return FALSE;
    }
    $this->exec_status = $this->status = $status;
    return TRUE;
  }

  /**
   * Starts a callback.
   *
   * @return bool|null
   *   TRUE when the request was sent, FALSE when the handle is taken, NULL when nobody could be asked.
   */
  public function start($callback, $args = array()) {
    return $this->lock() ? $this->execute($callback, $args) : FALSE;
  }

  /**
   * Puts a callback into the site's queue.
   */
  public function queue($callback, $args = array()) {
    if (!$this->lock(BACKGROUND_PROCESS_STATUS_QUEUED)) {
      return FALSE;
    }
    if (!$this->store($callback, $args)) {
      return NULL;
    }
    DrupalQueue::get('background_process')->createItem(array(rawurlencode($this->handle), rawurlencode($this->token)));
    _background_process_keep($this->handle);
    return NULL;
  }

  /**
   * Writes the callback into the row and asks a service host.
   */
  public function execute($callback, $args = array()) {
    if (!$this->store($callback, $args)) {
      return NULL;
    }
    $this->service_host = _background_process_choose_host($this->service_host);
    return $this->dispatch();
  }

  /**
   * Completes the row and tells the modules.
   */
  private function store($callback, $args) {
    $this->callback = $callback;
    $this->args = $args;
    if (!background_process_set_process($this->handle, $callback, $this->uid, $args, $this->token)) {
      return FALSE;
    }
    module_invoke_all('background_process_pre_execute', $this->handle, $callback, $args, $this->token);
    $before = db_set_active('background_process');
    progress_remove_progress($this->handle);
    db_set_active($before);
    return TRUE;
  }

  /**
   * Sends the start request; the answer is never read.
   */
  public function dispatch() {
    background_process_set_service_host($this->handle, $this->service_host);
    $path = 'bgp-start/' . rawurlencode($this->handle) . '/' . rawurlencode($this->token);
    $socket = _background_process_send($path, $this->service_host, $error);
    if ($socket) {
      $this->connection = $socket;
      _background_process_keep($this->handle);
      return TRUE;
    }
    background_process_remove_process($this->handle);
    watchdog('bg_process', 'Could not call service %handle: @error', array('%handle' => $this->handle, '@error' => $error), WATCHDOG_ERROR);
    return NULL;
  }

}
