<?php

namespace Drupald;

require_once __DIR__ . '/Forker.php';

/**
 * A PHP process that has booted nothing and only forks workers.
 *
 * It opens no database and runs no code of the site.
 */
class Root extends Forker {

  /** Seconds between two looks at opcache's fill level. */
  const OPCACHE_INTERVAL = 10;

  private $opcacheLooked = 0;
  private $fullTold = FALSE;

  /**
   * Reports to the daemon and serves forks.
   *
   * @return Worker
   *   In a forked child: the worker to run. The root itself never returns.
   */
  public static function serve($socket, $secret, $title) {
    if ($title !== '' && function_exists('cli_set_process_title')) {
      @cli_set_process_title('drupald root ' . $title);
    }
    $can_fork = !self::missing();
    $channel = new Channel($socket);
    $channel->send(array(
      'type' => 'hello',
      'v' => Channel::VERSION,
      'role' => 'root',
      'secret' => $secret,
      'pid' => getmypid(),
      'php' => PHP_VERSION,
      'fork' => $can_fork,
      'opcache' => Opcache::isOn(),
    ));
    if (!$can_fork) {
      exit(0);
    }
    $root = new self($socket, $channel);
    $worker = $root->loop();
    if ($worker) {
      return $worker;
    }
    exit(0);
  }

  protected function beforeFork() {
    Opcache::forgetFreshScripts();
  }

  /** Says once when opcache is nearly full: the daemon then starts a new root. */
  protected function look() {
    $now = microtime(TRUE);
    if ($this->fullTold || abs($now - $this->opcacheLooked) < self::OPCACHE_INTERVAL) {
      return;
    }
    $this->opcacheLooked = $now;
    $what = Opcache::nearlyFull();
    if ($what !== NULL) {
      $this->fullTold = TRUE;
      $this->channel->send(array('type' => 'full', 'what' => $what));
    }
  }

}
