<?php

namespace Drupald;

/**
 * One process for one job: connects with its secret, takes the job, does it.
 */
class Worker {

  private $socket;
  private $channel;
  private $forked;
  private $warm;
  private $resident;

  /**
   * @param string $socket
   *   Path of the daemon's worker socket.
   * @param string $secret
   *   One-time secret of this worker.
   * @param bool $forked
   *   Whether another process has forked this one: then it may leave by a signal.
   */
  public function __construct($socket, $secret, $forked) {
    $this->socket = $socket;
    if ($forked && function_exists('cli_set_process_title')) {
      @cli_set_process_title('drupald spare');
    }
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

  /** Says that a zygote has loaded the site already. */
  public function keepWarm(Drupal7\Warm $warm) {
    $this->warm = $warm;
  }

  /** Does what costs time and decides nothing, before there is a job. */
  public function rehearse() {
    $this->warm->rehearse();
  }

  /**
   * Receives the job and does it; what follows is PHP's shutdown.
   *
   * @return Worker|null
   *   Another worker, when this one has become a zygote and this process is a
   *   child of it.
   */
  public function work() {
    do {
      $next = $this->job();
    } while ($next === TRUE);
    return $next;
  }

  /**
   * One job.
   *
   * @return Worker|bool|null
   *   TRUE: this worker takes another. A worker: as work().
   */
  private function job() {
    // The daemon gives a job or closes: a spare may wait for long.
    do {
      $job = $this->channel->receive();
      // What was meant for the job before, and came when that was through.
    } while ($job && isset($job['type']) && $job['type'] === 'enough');
    if (!$job || !isset($job['type'], $job['kind']) || $job['type'] !== 'job') {
      $this->leaveUnused();
    }
    if (!$this->warm) {
      // Also between the fork and the job files may have changed.
      Opcache::forgetFreshScripts();
    }
    if (!empty($job['stay']) && $this->warm && !$this->resident) {
      $this->resident = new Drupal7\Resident($this->warm, $job['stay']);
    }
    try {
      $out = $this->resident ? $this->resident->redirect($job['log']) : Environment::redirect($job['log'], $job['kind'] !== 'zygote');
      Environment::apply($job);
    }
    catch (\RuntimeException $error) {
      $this->channel->send(array('type' => 'boot-failed', 'cause' => 'environment', 'message' => $error->getMessage()));
      exit(1);
    }
    OutputLog::begin($out, $job['logLimit']);
    if (!empty($job['spool'])) {
      $this->channel->spoolTo($job['spool']);
    }
    if (!empty($job['title']) && function_exists('cli_set_process_title')) {
      @cli_set_process_title('drupald ' . $job['title']);
    }
    switch ($job['kind']) {
      case 'run':
        if (!empty($job['own'])) {
          require_once __DIR__ . '/drupal7/CoreCron.php';
          require_once __DIR__ . '/drupal7/QueueRun.php';
          require_once __DIR__ . '/drupal7/UltimateJob.php';
          require_once __DIR__ . '/drupal7/BatchFinish.php';
          Drupal7\CoreCron::prepare($this->channel);
          Drupal7\QueueRun::prepare($this->channel);
          Drupal7\UltimateJob::prepare($this->channel);
        }
        if (!empty($job['gate'])) {
          require_once __DIR__ . '/drupal7/CronGate.php';
          require_once __DIR__ . '/drupal7/own-callbacks.php';
        }
        $task = new Drupal7\Run($job, $this->channel, $this->forked, $this->warm, $this->resident);
        break;

      case 'zygote':
        return Zygote::serve($this->socket, $this->channel, $job);

      case 'settle':
        $task = new Drupal7\Settle($job, $this->channel, $this->forked);
        break;

      case 'describe':
        $task = new Drupal7\Describe($job, $this->channel, $this->forked);
        break;

      case 'ultimate':
        require_once __DIR__ . '/drupal7/UltimateOneJobs.php';
        $task = $job['version'] === 1
          ? new Drupal7\UltimateOneJobs($job, $this->channel, $this->forked)
          : new Drupal7\UltimateJobs($job, $this->channel, $this->forked);
        break;

      case 'count':
        require_once __DIR__ . '/drupal7/QueueCounts.php';
        $task = new Drupal7\QueueCounts($job, $this->channel, $this->forked);
        break;

      case 'batch':
        require_once __DIR__ . '/drupal7/BatchChange.php';
        $task = new Drupal7\BatchChange($job, $this->channel, $this->forked);
        break;

      case 'set':
        require_once __DIR__ . '/drupal7/SetVariable.php';
        $task = new Drupal7\SetVariable($job, $this->channel, $this->forked);
        break;

      default:
        $this->channel->send(array('type' => 'unknown-job', 'kind' => $job['kind']));
        exit(1);
    }
    if (PHP_VERSION_ID >= 70000) {
      // A select() that a signal has interrupted, in the process that has forked this one, is no error of a callback.
      call_user_func('error_clear_last');
    }
    $task->perform();
    return TRUE;
  }

  /** A spare that is not needed ends without a trace. */
  private function leaveUnused() {
    if ($this->warm) {
      Drupal7\Site::closeConnections();
    }
    if ($this->forked) {
      posix_kill(posix_getpid(), SIGKILL);
    }
    exit(0);
  }

}
