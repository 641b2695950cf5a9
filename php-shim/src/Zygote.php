<?php

namespace Drupald;

require_once __DIR__ . '/Forker.php';

/**
 * A child of root that has loaded a site and only forks workers.
 *
 * It stays where nothing of one request has been decided yet, holds no
 * connection, and is young: the daemon replaces it.
 */
class Zygote extends Forker {

  private $warm;

  /**
   * Loads the site, reports and serves forks.
   *
   * @param array $job
   *   The job of kind "zygote": the request of a start without a path.
   *
   * @return Worker|null
   *   In a forked child: the worker to run. The zygote itself never returns.
   */
  public static function serve($socket, Channel $channel, array $job) {
    $zygote = new self($socket, $channel);
    $zygote->warm = new Drupal7\Warm($job);
    Parting::with(array($zygote, 'ended'));
    $begun = microtime(TRUE);
    try {
      $zygote->warm->load();
      $unfit = $zygote->warm->unfit();
    }
    catch (\Exception $error) {
      $unfit = self::threw($error);
    }
    catch (\Throwable $error) {
      $unfit = self::threw($error);
    }
    if ($unfit === NULL) {
      $unfit = $zygote->sharedDescriptors();
    }
    if ($unfit !== NULL) {
      $channel->send(array('type' => 'unfit', 'reason' => $unfit));
      self::leave($channel);
    }
    Parting::with(NULL);
    if (function_exists('gc_collect_cycles')) {
      gc_collect_cycles();
    }
    $channel->send(array(
      'type' => 'ready',
      'bootMs' => (microtime(TRUE) - $begun) * 1000,
      'files' => $zygote->warm->files(),
      'reads' => $zygote->warm->requestReads(),
    ));
    $worker = $zygote->loop();
    if (!$worker) {
      self::leave($channel);
    }
    return $worker;
  }

  private static function threw($error) {
    return get_class($error) . ': ' . $error->getMessage() . ' in ' . $error->getFile() . ':' . $error->getLine();
  }

  /** Ends without the site's shutdown functions: nothing was run that they could end. */
  private static function leave(Channel $channel) {
    Parting::with(NULL);
    $channel->close();
    posix_kill(posix_getpid(), SIGKILL);
    exit(0);
  }

  /** Shutdown function of a zygote that was ended while it loaded the site. */
  public function ended() {
    $error = error_get_last();
    $this->channel->send(array(
      'type' => 'unfit',
      'reason' => $error && ($error['type'] & Ending::FATAL)
        ? strtok($error['message'], "\n") . ' in ' . $error['file'] . ':' . $error['line']
        : 'the site ended the request while it was loaded (exit or a redirect)',
    ));
    self::leave($this->channel);
  }

  /** Whether a descriptor is a file that is open for writing: its position and its locks are shared by all children. */
  private static function isShared($number, $target) {
    // opcache's own lock is made for that.
    if ($target === '' || $target[0] !== '/' || strpos($target, '/dev/') === 0 || strpos($target, '.ZendSem.') !== FALSE) {
      return FALSE;
    }
    $info = (string) @file_get_contents("/proc/self/fdinfo/$number");
    return preg_match('/^flags:\s+(\d+)/m', $info, $found) && (octdec($found[1]) & 3) !== 0;
  }

  /**
   * Connections and files that children would share; NULL when there is none.
   *
   * Two processes on one connection get each other's answers.
   */
  private function sharedDescriptors() {
    $others = array();
    $writing = array();
    foreach ((array) @scandir('/proc/self/fd') as $number) {
      $target = @readlink("/proc/self/fd/$number");
      if ($target !== FALSE && strpos($target, 'socket:') === 0) {
        $others[$number] = $target;
      }
      elseif ($number > 2 && self::isShared($number, (string) $target)) {
        $writing[] = $target;
      }
    }
    if ($writing) {
      return 'the site keeps a file open for writing: ' . implode(', ', $writing);
    }
    // One is the connection to the daemon.
    if (count($others) <= 1) {
      return NULL;
    }
    return 'the site keeps ' . (count($others) - 1) . ' connection(s) open that could not be closed (a cache or lock backend, a log)';
  }

  protected function child(array $message) {
    $worker = parent::child($message);
    $worker->keepWarm($this->warm);
    if (!empty($message['rehearse'])) {
      $worker->rehearse();
    }
    return $worker;
  }

}
