<?php

namespace Drupald;

/**
 * A PHP process that only forks: a root, which has booted nothing, or a zygote.
 *
 * It is the parent of its workers, so it alone learns how each one ended; it
 * tells the daemon.
 */
abstract class Forker {

  /** Seconds between two looks while children live: a signal can slip in just before select(). */
  const REAP_INTERVAL = 0.1;

  /** Seconds between two looks at itself while it has nothing to do. */
  const IDLE_INTERVAL = 10;

  /** Functions that any administrator may have disabled, one by one. */
  private static $needed = array(
    'pcntl_fork', 'pcntl_waitpid', 'pcntl_wifexited', 'pcntl_wexitstatus', 'pcntl_wifsignaled', 'pcntl_wtermsig',
    'pcntl_signal', 'pcntl_signal_dispatch', 'posix_kill', 'posix_getpid', 'posix_setsid',
  );

  protected $channel;
  private $socket;
  private $children = array();
  private $quitting = FALSE;

  /**
   * @param string $socket
   *   Path of the daemon's worker socket.
   * @param Channel $channel
   *   The connection over which forks are asked for.
   */
  public function __construct($socket, Channel $channel) {
    $this->socket = $socket;
    $this->channel = $channel;
  }

  /** Functions that forking needs and this PHP lacks; without any it can fork. */
  public static function missing() {
    return array_values(array_filter(self::$needed, function ($function) {
      return !function_exists($function);
    }));
  }

  /**
   * Serves forks until the daemon says quit or is gone and no child is left.
   *
   * @return Worker|null
   *   In a forked child: the worker to run. In the parent: NULL at the end.
   */
  public function loop() {
    // The handler does nothing: being there makes select() return.
    pcntl_signal(SIGCHLD, function () {}, FALSE);
    // A terminal's Ctrl-C goes to the whole group; the daemon decides.
    pcntl_signal(SIGINT, SIG_IGN);
    pcntl_signal(SIGHUP, SIG_IGN);
    while (TRUE) {
      while (($message = $this->channel->next()) !== NULL) {
        $type = isset($message['type']) ? $message['type'] : '';
        if ($type === 'fork') {
          $worker = $this->fork($message);
          if ($worker) {
            return $worker;
          }
        }
        elseif ($type === 'quit') {
          $this->quitting = TRUE;
        }
        // A message of type "reap" has done its work by waking us.
      }
      $this->reap();
      if (!$this->children && ($this->quitting || !$this->channel->isOpen())) {
        return NULL;
      }
      $this->look();
      if ($this->channel->isOpen()) {
        $this->channel->wait($this->children ? self::REAP_INTERVAL : self::IDLE_INTERVAL);
      }
      else {
        usleep((int) (self::REAP_INTERVAL * 1000000));
      }
      pcntl_signal_dispatch();
    }
  }

  /** Called just before each fork. */
  protected function beforeFork() {
  }

  /** Called now and then, in the parent. */
  protected function look() {
  }

  /** Makes the worker, in the child. */
  protected function child(array $message) {
    return new Worker($this->socket, $message['secret'], TRUE);
  }

  private function fork(array $message) {
    $run = $message['run'];
    $this->beforeFork();
    $pid = @pcntl_fork();
    if ($pid === -1) {
      $error = function_exists('pcntl_strerror') ? pcntl_strerror(pcntl_get_last_error()) : 'unknown error';
      $this->channel->send(array('type' => 'fork-failed', 'run' => $run, 'message' => $error));
      return NULL;
    }
    if ($pid === 0) {
      $this->becomeChild();
      return $this->child($message);
    }
    $this->children[$pid] = $run;
    $this->channel->send(array('type' => 'forked', 'run' => $run, 'pid' => $pid));
    return NULL;
  }

  /** Leaves behind what belongs to the parent alone. */
  private function becomeChild() {
    $this->channel->close();
    $this->children = array();
    foreach (array(SIGCHLD, SIGINT, SIGHUP, SIGTERM) as $signal) {
      pcntl_signal($signal, SIG_DFL);
    }
    // A group of its own: killing a run means killing the group.
    posix_setsid();
    // Else all children of one parent draw the same numbers.
    mt_srand();
    // phpcs:ignore PHPCompatibility.ParameterValues
    srand();
  }

  private function reap() {
    while ($this->children) {
      $usage = array();
      $pid = PHP_VERSION_ID >= 70000 ? pcntl_waitpid(-1, $status, WNOHANG, $usage) : pcntl_waitpid(-1, $status, WNOHANG);
      if ($pid <= 0) {
        return;
      }
      $run = isset($this->children[$pid]) ? $this->children[$pid] : NULL;
      unset($this->children[$pid]);
      $death = array(
        'type' => 'reaped',
        'run' => $run,
        'pid' => $pid,
        'code' => pcntl_wifexited($status) ? pcntl_wexitstatus($status) : NULL,
        'signal' => pcntl_wifsignaled($status) ? pcntl_wtermsig($status) : NULL,
        'cpuMs' => $this->cpu($usage),
        'peakKb' => isset($usage['ru_maxrss']) ? $usage['ru_maxrss'] : NULL,
      );
      if (!$this->channel->send($death)) {
        // The next daemon asks for it.
        @file_put_contents(dirname($this->socket) . "/exits/$pid", json_encode($death));
      }
    }
  }

  private function cpu(array $usage) {
    if (!isset($usage['ru_utime.tv_sec'])) {
      return NULL;
    }
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1000
      + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1000;
  }

}
