<?php

namespace Drupald\Drupal7;

use Drupald\CallStack;
use Drupald\Channel;
use Drupald\Ending;
use Drupald\OutputLog;
use Drupald\Parting;

/**
 * Runs one background process of a Drupal 7 site, from boot to the last hook.
 *
 * The module's own functions decide who may start it, claim it and call it.
 * They are called in their return mode: so a callback that returned can be told
 * from one that called exit(), and an exception reaches us before any hook was
 * told. What the module would leave undone at a bad end, settle() does.
 */
class Run {

  private $job;
  private $channel;
  private $forked;
  private $warm;
  private $resident;
  private $handle;
  private $callback;

  private $boot;
  private $booted = FALSE;
  private $told = FALSE;
  private $claim;
  private $stamp;
  private $process;
  private $hook;
  private $locks;
  private $outcome;
  private $callable = FALSE;
  private $pid;
  private $settled = FALSE;
  private $reserve;

  /**
   * @param Warm|null $warm
   *   What a zygote has loaded already.
   * @param Resident|null $resident
   *   The worker runs many.
   */
  public function __construct(array $job, Channel $channel, $forked, $warm = NULL, $resident = NULL) {
    $this->job = $job;
    $this->channel = $channel;
    $this->forked = $forked;
    $this->warm = $warm;
    $this->handle = $job['handle'];
    $this->callback = $job['callback'];
    $this->resident = $resident;
    $this->boot = new Boot($channel, $warm, $resident);
    $this->hook = new RunHook($channel, $job);
  }

  public function perform() {
    // Given back at the end, so that a run out of memory can still be settled.
    $this->reserve = str_repeat('x', 262144);
    $this->pid = getmypid();
    Parting::with(array($this, 'shutdown'));
    if (!$this->boot->full($this->job)) {
      exit(1);
    }
    $this->booted = TRUE;
    if ($objection = $this->objection()) {
      $this->tell($objection);
      exit(0);
    }
    // Should it die now, a claim that still waits in the database must not be made later.
    $this->channel->send(array('type' => 'sessions', 'connections' => Site::connectionIds(TRUE)));
    try {
      background_process_service_start(rawurlencode($this->handle), TRUE);
    }
    catch (\Exception $error) {
      $this->caught($error);
    }
    catch (\Throwable $error) {
      $this->caught($error);
    }
    $this->returnedToUs();
    if (!$this->resident || !$this->settled || !$this->stays()) {
      exit(0);
    }
  }

  /** Whether the worker has told the daemon that it takes another job. */
  private function stays() {
    $left = $this->resident->stay();
    if ($left === NULL || !$this->channel->isOpen()) {
      if ($this->resident->leaks()) {
        $this->channel->send(array('type' => 'leaked', 'what' => $this->resident->leaks()));
      }
      return FALSE;
    }
    Parting::with(NULL);
    $this->channel->send(array('type' => 'done', 'leaving' => 'stay') + $left);
    return TRUE;
  }

  /** Why nothing is claimed here: the message that says so; NULL: it may be claimed. */
  private function objection() {
    if ($this->boot->stale !== NULL) {
      return $this->stale($this->boot->stale);
    }
    $this->channel->hold(array('type' => 'booted'));
    $refusal = Admission::refusal($this->handle, $this->job['token'], $this->callback === 'drupald_cron_hook');
    if (!$refusal && !empty($this->job['gate'])) {
      $refusal = CronGate::refusal($this->handle);
    }
    if ($refusal) {
      return $refusal;
    }
    $this->prepare();
    if ($this->process && $this->process->token !== $this->job['token']) {
      // Since it was admitted, another daemon has taken it over: the module's claim asks for no token.
      return array('type' => 'refused') + Admission::reason($this->handle, $this->job['token']);
    }
    return $this->warm && $this->process && !is_callable($this->process->callback) ? $this->stale('callback') : NULL;
  }

  /** What was loaded before is too old: a process that boots for itself has to do it. */
  private function stale($what) {
    return array('type' => 'stale', 'what' => $what);
  }

  /** Collects, before the claim, what is needed should this process die in it. */
  private function prepare() {
    $this->locks = new Locks();
    $this->hook->prepare();
    $this->process = background_process_get_process($this->handle);
    // Not before Drupal is there: its parent class is Drupal's.
    if (!class_exists('DatabaseLog')) {
      require_once DRUPAL_ROOT . '/includes/database/log.inc';
    }
    require_once __DIR__ . '/Claim.php';
    $this->claim = Claim::watch($this->handle, $this);
  }

  /** Called by the claim's watch, before the callback: the row is ours under this stamp. */
  public function claimed($stamp) {
    $this->stamp = $stamp;
    if ($this->process) {
      // The module's own test, at the same moment.
      $this->callable = is_callable($this->process->callback);
      $this->process->start_stamp = (float) $stamp;
      $this->process->exec_status = BACKGROUND_PROCESS_STATUS_RUNNING;
      if ($this->hook->listeners()) {
        // Silent: its undeclared properties fill the site's log under PHP 8.2.
        $this->process = @\BackgroundProcess::load($this->process);
      }
    }
    BatchPlace::claimed($this->job);
    drupal_register_shutdown_function(array($this, 'settle'));
    $this->channel->send(array(
      'type' => 'claimed',
      'stamp' => $stamp,
      'lock' => $this->locks->id(),
      'listeners' => $this->hook->listeners(),
      'connections' => Site::connectionIds(),
      'stack' => CallStack::offer($this->channel),
    ));
  }

  /** Called by the watch: the callback itself has changed or removed its row. */
  public function touched($removed) {
    if ($removed && !$this->settled) {
      // Whoever removes it tells the hook, or means it not to be told: no helper may.
      $this->hook->leave();
    }
    $this->channel->send(array('type' => 'row-touched'));
  }

  /** Called by the watch: the callback returned and its progress was ended. */
  public function returned() {
    if (!$this->outcome) {
      $this->outcome = Ending::completed();
    }
    $this->tellOutcome();
  }

  /** Called by the watch: the module removed the row and is about to call the hook. */
  public function removed($rows) {
    if ($rows > 0) {
      $this->hook->begin();
      return;
    }
    // Somebody else has removed the row, and has told the hook: the module
    // would tell it a second time, and so would a later daemon.
    $this->hook->leave();
    $this->hook->hide();
  }

  private function returnedToUs() {
    $this->locks->look();
    $this->hook->show();
    if ($this->stamp === NULL) {
      $this->tell(array('type' => 'unclaimed'));
    }
    elseif ($this->callable) {
      // Not by the watch alone: a callback may have closed the connection that it listens to.
      // First of all that the hook is done: what is written down next is for a hook that is not.
      $this->hook->isBegun() || $this->hook->leave();
      $this->hook->done();
      $this->returned();
      $this->settled = TRUE;
      $this->channel->send(array('type' => 'settled', 'row' => $this->hook->isHidden() ? 'gone' : 'deleted', 'hook' => 'done'));
    }
    elseif (!$this->outcome) {
      $this->outcome = Ending::notCallable($this->callback);
    }
    $this->claim->over();
  }

  private function caught($error) {
    $error = BatchFailed::open($error);
    if ($this->claim) {
      $this->claim->over();
    }
    if ($this->stamp === NULL) {
      $this->tell(Boot::failure('claim', $error));
    }
    elseif (!$this->outcome) {
      $this->outcome = Ending::threw($error, $this->callback);
    }
    OutputLog::note('Uncaught ' . $error);
    // The site's handler would print a page of apology into the log.
    OutputLog::mute();
    if (Ending::isDatabaseLoss($error)) {
      try {
        Site::reconnect();
      }
      catch (\Exception $still) {
        // The daemon will settle it when the database is back.
        Site::closeConnections();
      }
    }
    throw $error;
  }

  /** The first of all shutdown functions: decides what the run came to. */
  public function shutdown() {
    $this->reserve = NULL;
    if (getmypid() !== $this->pid) {
      $this->leaveFork();
      return;
    }
    $error = error_get_last();
    if (!$this->booted) {
      $this->boot->ended($error);
    }
    elseif ($this->stamp === NULL) {
      if (!$this->told) {
        $this->boot->ended($error);
      }
    }
    else {
      $this->locks->look();
      if (!$this->outcome) {
        $this->outcome = Ending::fatal($error, $this->callback);
        $this->makeRoom();
      }
      if (!$this->outcome) {
        $this->outcome = array('kind' => 'exit', 'sentence' => '');
      }
      BatchPlace::leave($this->job, $this->outcome);
      $this->tellOutcome();
      // Once more behind Drupal's own list: an exception in one of its
      // functions ends that list early.
      register_shutdown_function(array($this, 'settle'));
    }
    $exits = $this->outcome && $this->outcome['kind'] === 'exit';
    $leaving = new Leaving($this->channel, $this->forked && !$exits, array($this, 'last'));
    $leaving->arm();
  }

  /** A process that the callback has forked: the run is not its to end. */
  private function leaveFork() {
    $this->channel->close();
    $this->settled = TRUE;
    $callbacks = &drupal_register_shutdown_function();
    $callbacks = array();
  }

  /** After a fatal error: memory and CPU time for the site's shutdown functions. */
  private function makeRoom() {
    if (!$this->outcome) {
      return;
    }
    if ($this->outcome['kind'] === 'out-of-memory') {
      @ini_set('memory_limit', (string) (memory_get_usage(TRUE) + 33554432));
    }
    if ($this->outcome['kind'] === 'timed-out') {
      @set_time_limit(30);
    }
  }

  /** In Drupal's list of shutdown functions, where the module removes its row. */
  public function settle() {
    if ($this->settled || $this->stamp === NULL || !$this->outcome) {
      return;
    }
    $this->settled = TRUE;
    $kind = $this->outcome['kind'];
    if (in_array($kind, $this->job['keepOn'], TRUE)) {
      // The daemon decides: it may be begun again.
      Site::rollBack();
      return;
    }
    try {
      // After exit() Drupal commits by its destructors, as on the stock site.
      if ($kind !== 'completed' && $kind !== 'exit') {
        Site::rollBack();
      }
      Site::reconnect();
      if ($kind !== 'completed' && $kind !== 'exit') {
        $now = microtime(TRUE);
        // Its progress began right behind the claim, which the clock may have been set back before.
        Settle::endProgress($this->handle, $this->outcome['sentence'], $now < (float) $this->stamp ? (float) $this->stamp + 60 : $now);
      }
      $removed = (bool) background_process_remove_process($this->handle, $this->stamp);
      if (!$removed) {
        // Somebody else has told the hook.
        $this->hook->leave();
      }
    }
    catch (\Exception $error) {
      $this->tellUnsettled($error);
      return;
    }
    catch (\Throwable $error) {
      $this->tellUnsettled($error);
      return;
    }
    $hook = 'none';
    if ($this->hook->listeners() && $removed && !$this->hook->isBegun()) {
      $hook = $this->tellHook($kind) ? 'done' : 'deferred';
    }
    if ($kind !== 'completed' && $kind !== 'exit') {
      Settle::log($this->handle, $this->outcome['sentence']);
    }
    $this->channel->send(array('type' => 'settled', 'row' => $removed ? 'deleted' : 'gone', 'hook' => $hook));
  }

  private function tellUnsettled($error) {
    $this->channel->send(array('type' => 'unsettled', 'message' => get_class($error) . ': ' . $error->getMessage()));
  }

  /** Tells the modules; FALSE when the daemon has to, because only it learns the exit code. */
  private function tellHook($kind) {
    $sentence = $this->outcome['sentence'];
    if ($kind === 'exit') {
      if ($this->channel->isOpen()) {
        return FALSE;
      }
      $sentence = "The callback $this->callback ended by exit(); with which code is not known.";
    }
    $this->hook->begin();
    Settle::invokeHook($this->process, $sentence);
    $this->hook->done();
    $this->channel->send(array('type' => 'hook', 'state' => 'done'));
    return TRUE;
  }

  /** Very last, in the buffer behind all shutdown functions. */
  public function last() {
    return $this->locks ? $this->locks->release() : array();
  }

  private function tellOutcome() {
    if (empty($this->outcome['told'])) {
      if ($this->hook->listeners() && $this->process && !empty($this->job['processFile'])) {
        // From here on the row may go before the hook has been told.
        @file_put_contents($this->job['processFile'], serialize($this->process));
      }
      $this->channel->send(array('type' => 'ended', 'at' => microtime(TRUE), 'outcome' => $this->outcome));
      $this->outcome['told'] = TRUE;
    }
  }

  private function tell(array $message) {
    $this->told = TRUE;
    $this->channel->send($message);
  }

}
