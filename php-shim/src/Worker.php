<?php

namespace Drupald;

/**
 * One process for one job: connects with its secret, takes the job, does it.
 */
class Worker {

  /** Seconds that a worker waits for its job before it ends. */
  const JOB_TIMEOUT = 60;

  private $channel;
  private $forked;

  /**
   * @param string $socket
   *   Path of the daemon's worker socket.
   * @param string $secret
   *   One-time secret of this worker.
   * @param bool $forked
   *   Whether a root has forked this process: then it may leave by a signal.
   */
  public function __construct($socket, $secret, $forked) {
    $this->forked = $forked && function_exists('posix_kill');
    $this->channel = new Channel($socket);
    $this->channel->send(array(
      'type' => 'hello',
      'v' => Channel::VERSION,
      'role' => 'worker',
      'secret' => $secret,
      'pid' => getmypid(),
      'php' => PHP_VERSION,
    ));
  }

  /** Receives the job and does it; what follows is PHP's shutdown. */
  public function work() {
    $job = $this->channel->receive(self::JOB_TIMEOUT);
    if (!$job || !isset($job['type'], $job['kind']) || $job['type'] !== 'job') {
      exit(0);
    }
    // Drupal is loaded by the job; its generation decides which adapter.
    foreach (array('Leaving', 'Site', 'Boot', 'Run', 'Settle', 'Describe') as $part) {
      require_once __DIR__ . '/drupal7/' . $part . '.php';
    }
    try {
      $out = Environment::redirect($job['log']);
      Environment::apply($job);
    }
    catch (\RuntimeException $error) {
      $this->channel->send(array('type' => 'boot-failed', 'cause' => 'environment', 'message' => $error->getMessage()));
      exit(1);
    }
    OutputLog::begin($out, $job['logLimit']);
    if (!empty($job['title']) && function_exists('cli_set_process_title')) {
      @cli_set_process_title('drupald ' . $job['title']);
    }
    switch ($job['kind']) {
      case 'run':
        $task = new Drupal7\Run($job, $this->channel, $this->forked);
        break;

      case 'settle':
        $task = new Drupal7\Settle($job, $this->channel, $this->forked);
        break;

      case 'describe':
        $task = new Drupal7\Describe($job, $this->channel, $this->forked);
        break;

      default:
        $this->channel->send(array('type' => 'unknown-job', 'kind' => $job['kind']));
        exit(1);
    }
    $task->perform();
  }

}
