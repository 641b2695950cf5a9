<?php

namespace Drupald\Drupal7;

use Drupald\Ending;
use Drupald\OutputLog;

/**
 * A process that was put into a queue of Background Process, run as the module's worker does it.
 *
 * The module claims, calls back and cleans up inside one function. That its
 * callback has returned is seen at the same statement as of any other process,
 * or by what is thrown where that statement fails. The module's worker would
 * throw something else instead when its database is gone.
 */
class QueuedProcess {

  private $onReturn;

  /**
   * Runs one process as its owner.
   *
   * The module drops an item without a word when its process may not begin,
   * and leaves the row behind.
   *
   * @param array $data
   *   Handle and token, as the item has them.
   * @param callable $onReturn
   *   Called as soon as the callback of the process has returned.
   *
   * @throws \Exception
   *   What the callback throws; that the process cannot begin now; and, behind
   *   $onReturn, why it could not be cleaned up.
   */
  public static function run($data, $onReturn) {
    list($handle, $token) = array_map('rawurldecode', $data);
    $process = background_process_get_process($handle);
    if (!$process || $process->token !== $token) {
      OutputLog::note("The process $handle of this item no longer exists.");
      return;
    }
    if ((int) $process->exec_status === (int) BACKGROUND_PROCESS_STATUS_RUNNING) {
      throw new \RuntimeException("The process $handle runs elsewhere, or has died there.");
    }
    if ($process->uid && !user_load($process->uid)) {
      self::refuse($process, 'The process was not started: its owner, user ' . $process->uid . ', does not exist.');
      return;
    }
    $run = new self($onReturn);
    $watch = Claim::inside($handle, $run);
    try {
      if (background_process_service_access($data[0], $data[1])) {
        background_process_service_execute($handle, TRUE);
      }
    }
    catch (\Exception $error) {
      $watch->outside();
      $run->look($error, $handle);
    }
    catch (\Throwable $error) {
      $watch->outside();
      $run->look($error, $handle);
    }
    $watch->outside();
  }

  private function __construct($onReturn) {
    $this->onReturn = $onReturn;
  }

  /** Called by the watch. */
  public function claimed($stamp) {
  }

  /** Called by the watch: the callback itself has changed or removed its row. */
  public function touched($removed) {
  }

  /** Called by the watch: the callback returned and its progress was ended. */
  public function returned() {
    if ($this->onReturn) {
      call_user_func($this->onReturn);
      $this->onReturn = NULL;
    }
  }

  /** Called by the watch: the module removed the row and is about to call the hook. */
  public function removed($rows) {
  }

  /** What was thrown decides whether the callback had returned; what its modules throw when they are told is only logged. */
  private function look($error, $handle) {
    if (self::isBehindReturn($error)) {
      $this->returned();
    }
    if (Ending::isDatabaseLoss($error)) {
      throw $error;
    }
    if ($this->onReturn) {
      // As the module's worker does it: whoever has the item next may begin the process.
      background_process_update_status($handle, BACKGROUND_PROCESS_STATUS_QUEUED);
      throw $error;
    }
    if (background_process_get_process($handle)) {
      throw $error;
    }
    OutputLog::note("The process $handle is done, and what followed threw " . $error);
  }

  /** Whether the module could not write down that a callback had come to its end. */
  private static function isBehindReturn($error) {
    $inner = '';
    foreach ($error->getTrace() as $frame) {
      if ($frame['function'] === 'background_process_service_execute') {
        return $inner === 'progress_end_progress';
      }
      $inner = $frame['function'];
    }
    return FALSE;
  }

  /** Ends a process that never may begin. */
  private static function refuse($process, $sentence) {
    Settle::endProgress($process->handle, $sentence, microtime(TRUE));
    $loaded = @\BackgroundProcess::load($process);
    if (background_process_remove_process($process->handle, $process->start_stamp)) {
      Settle::invokeHook($loaded, $sentence);
    }
    Settle::log($process->handle, $sentence);
  }

}
