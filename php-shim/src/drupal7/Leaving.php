<?php

namespace Drupald\Drupal7;

use Drupald\Channel;

/**
 * How a worker ends: after everything of the site has run, without PHP's teardown.
 *
 * An output buffer that is opened by the very first shutdown function is
 * flushed after all shutdown functions and all destructors. There a forked
 * worker closes its database connections and ends itself by a signal, which
 * saves most of the cost of a full exit. What the run came to has been told
 * before, so the parent knows that this signal is no death.
 */
class Leaving {

  /** Resources that hold nothing to be written: a stream wrapper that is registered is a "factory". */
  private static $idle = array('stream-context', 'stream factory', 'Unknown');

  private $channel;
  private $bySignal;
  private $after;

  /**
   * @param bool $by_signal
   *   FALSE keeps the ordinary exit, for instance because its code matters.
   * @param callable|null $after
   *   Called last of all; returns fields for the last message.
   */
  public function __construct(Channel $channel, $by_signal, $after = NULL) {
    $this->channel = $channel;
    $this->bySignal = $by_signal;
    $this->after = $after;
  }

  /** To be called in the first shutdown function. */
  public function arm() {
    ob_start(array($this, 'leave'));
  }

  /** Output callback of the last buffer. */
  public function leave($buffer) {
    // Called with frames below it, site code is removing its buffers
    // ("while (ob_get_level()) ob_end_clean();"): then PHP ends as usual.
    if (count(debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 2)) > 1) {
      return $buffer;
    }
    $last = $this->after ? call_user_func($this->after) : array();
    $by_signal = $this->bySignal && $this->closeStreams();
    Site::closeConnections();
    $this->channel->send($last + array(
      'type' => 'done',
      'leaving' => $by_signal ? 'signal' : 'exit',
      'peakKb' => (int) (memory_get_peak_usage(TRUE) / 1024),
    ));
    if ($by_signal) {
      \Drupald\OutputLog::handle($buffer);
      posix_kill(posix_getpid(), SIGKILL);
    }
    return $buffer;
  }

  /**
   * Closes what site code has left open, which writes what is still buffered.
   *
   * @return bool
   *   FALSE when something is open that only PHP's own teardown can close.
   */
  private function closeStreams() {
    if (!function_exists('get_resources')) {
      return FALSE;
    }
    // phpcs:ignore PHPCompatibility.FunctionUse.NewFunctions.get_resourcesFound -- asked for above.
    foreach (get_resources() as $resource) {
      $type = get_resource_type($resource);
      if ($type === 'stream') {
        if ($resource !== $this->channel->stream() && !\Drupald\Environment::isStandard($resource)) {
          @fclose($resource);
        }
      }
      elseif (!in_array($type, self::$idle, TRUE)) {
        return FALSE;
      }
    }
    return TRUE;
  }

}
