<?php

namespace Drupald;

/**
 * A PHP process that has booted nothing and only forks workers.
 *
 * It is their parent, so it alone learns how each one ended; it tells the
 * daemon. It opens no database and runs no code of the site.
 */
class Root {

  /** Seconds between two looks while children live: a signal can slip in just before select(). */
  const REAP_INTERVAL = 0.1;

  /** Seconds between two looks at opcache's fill level. */
  const OPCACHE_INTERVAL = 10;

  private $channel;
  private $socket;
  private $children = array();
  private $quitting = FALSE;
  private $opcacheLooked = 0;
  private $fullTold = FALSE;
  private $opcacheMisses = -1;
  private $freshScripts = array();

  private function __construct($socket, Channel $channel) {
    $this->socket = $socket;
    $this->channel = $channel;
  }

  /**
   * Serves forks until the daemon says quit or is gone and no child is left.
   *
   * @return Worker|null
   *   In a forked child: the worker to run. In the root: never returns.
   */
  public static function serve($socket, $secret, $title) {
    if ($title !== '' && function_exists('cli_set_process_title')) {
      @cli_set_process_title('drupald root ' . $title);
    }
    $can_fork = function_exists('pcntl_fork') && function_exists('posix_kill');
    $channel = new Channel($socket);
    $channel->send(array(
      'type' => 'hello',
      'v' => Channel::VERSION,
      'role' => 'root',
      'secret' => $secret,
      'pid' => getmypid(),
      'php' => PHP_VERSION,
      'fork' => $can_fork,
      'opcache' => function_exists('opcache_get_status') && (bool) @opcache_get_status(FALSE),
    ));
    if (!$can_fork) {
      exit(0);
    }
    $root = new self($socket, $channel);
    // The handler does nothing: being there makes select() return.
    pcntl_signal(SIGCHLD, function () {}, FALSE);
    // A terminal's Ctrl-C goes to the whole group; the daemon decides.
    pcntl_signal(SIGINT, SIG_IGN);
    pcntl_signal(SIGHUP, SIG_IGN);
    $worker = $root->loop();
    if ($worker) {
      return $worker;
    }
    exit(0);
  }

  private function loop() {
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
      $this->lookAtOpcache();
      if ($this->channel->isOpen()) {
        $this->channel->wait($this->children ? self::REAP_INTERVAL : self::OPCACHE_INTERVAL);
      }
      else {
        usleep((int) (self::REAP_INTERVAL * 1000000));
      }
      pcntl_signal_dispatch();
    }
  }

  private function fork(array $message) {
    $run = $message['run'];
    $this->forgetFreshScripts();
    $pid = @pcntl_fork();
    if ($pid === -1) {
      $error = function_exists('pcntl_strerror') ? pcntl_strerror(pcntl_get_last_error()) : 'unknown error';
      $this->channel->send(array('type' => 'fork-failed', 'run' => $run, 'message' => $error));
      return NULL;
    }
    if ($pid === 0) {
      $this->becomeChild();
      return new Worker($this->socket, $message['secret'], TRUE);
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
      $this->channel->send(array(
        'type' => 'reaped',
        'run' => $run,
        'pid' => $pid,
        'code' => pcntl_wifexited($status) ? pcntl_wexitstatus($status) : NULL,
        'signal' => pcntl_wifsignaled($status) ? pcntl_wtermsig($status) : NULL,
        'cpuMs' => $this->cpu($usage),
        'peakKb' => isset($usage['ru_maxrss']) ? $usage['ru_maxrss'] : NULL,
      ));
    }
  }

  private function cpu(array $usage) {
    if (!isset($usage['ru_utime.tv_sec'])) {
      return NULL;
    }
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1000
      + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1000;
  }

  /**
   * Takes files out of opcache that were changed within the last seconds.
   *
   * opcache compares whole seconds: a file that was changed, run and changed
   * again within one second would stay as it was at first. (Its own protection
   * against that, opcache.file_update_protection, counts from the start of this
   * process and would keep every later change out of the cache for ever.)
   */
  private function forgetFreshScripts() {
    $status = function_exists('opcache_get_status') ? @opcache_get_status(FALSE) : FALSE;
    if (!$status || !isset($status['opcache_statistics']['misses'])) {
      return;
    }
    $now = time();
    $misses = $status['opcache_statistics']['misses'];
    if ($misses !== $this->opcacheMisses) {
      $this->opcacheMisses = $misses;
      $status = @opcache_get_status(TRUE);
      foreach (isset($status['scripts']) ? $status['scripts'] : array() as $file => $script) {
        if (isset($script['timestamp']) && $script['timestamp'] >= $now - 1) {
          $this->freshScripts[$file] = $script['timestamp'];
        }
      }
    }
    foreach ($this->freshScripts as $file => $changed) {
      @opcache_invalidate($file, TRUE);
      if ($changed < $now - 1) {
        unset($this->freshScripts[$file]);
      }
    }
  }

  /** Says once when opcache is nearly full: the daemon then starts a new root. */
  private function lookAtOpcache() {
    $now = microtime(TRUE);
    if ($this->fullTold || $now - $this->opcacheLooked < self::OPCACHE_INTERVAL || !function_exists('opcache_get_status')) {
      return;
    }
    $this->opcacheLooked = $now;
    $status = @opcache_get_status(FALSE);
    if (!$status || !isset($status['memory_usage'], $status['opcache_statistics'])) {
      return;
    }
    $memory = $status['memory_usage'];
    $keys = $status['opcache_statistics'];
    $total = $memory['used_memory'] + $memory['free_memory'] + $memory['wasted_memory'];
    $memory_full = $total > 0 && $memory['free_memory'] / $total < 0.08;
    $keys_full = $keys['max_cached_keys'] > 0 && $keys['num_cached_keys'] / $keys['max_cached_keys'] > 0.92;
    if ($memory_full || $keys_full || !empty($status['cache_full'])) {
      $this->fullTold = TRUE;
      $this->channel->send(array('type' => 'full', 'what' => $memory_full ? 'memory' : 'keys'));
    }
  }

}
