<?php

namespace Drupald;

/**
 * Tells the daemon where a run is, when it is asked by SIGUSR2.
 *
 * PHP answers as soon as it executes the next opcode: from a loop or a sleep at
 * once, from inside a call that blocks not before that has ended.
 */
class CallStack {

  /** Most calls that are told. */
  const DEPTH = 64;

  /** Seconds that the word of the end may take that follows the question. */
  const WAIT = 5;

  private $channel;

  private function __construct(Channel $channel) {
    $this->channel = $channel;
  }

  /**
   * Listens for the question.
   *
   * @return bool
   *   FALSE: this PHP cannot; then SIGUSR2 would end it.
   */
  public static function offer(Channel $channel) {
    if (!function_exists('pcntl_async_signals') || !function_exists('pcntl_signal')) {
      return FALSE;
    }
    // phpcs:ignore PHPCompatibility.FunctionUse.NewFunctions.pcntl_async_signalsFound -- asked for above.
    pcntl_async_signals(TRUE);
    return pcntl_signal(SIGUSR2, array(new self($channel), 'tell'));
  }

  public function tell() {
    $frames = array();
    foreach (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, self::DEPTH) as $frame) {
      if (isset($frame['class']) && strpos($frame['class'], __NAMESPACE__) === 0 && $frames) {
        break;
      }
      $place = isset($frame['file']) ? $frame['file'] . ':' . $frame['line'] : '(PHP)';
      $name = (isset($frame['class']) ? $frame['class'] . $frame['type'] : '') . $frame['function'] . '()';
      $frames[] = $frames ? "$name called at $place" : "at $place";
    }
    $this->channel->send(array('type' => 'stack', 'frames' => $frames));
    self::awaitEnd();
  }

  /**
   * Whoever asks ends the run then.
   *
   * A sleep that the question has cut short would count as over meanwhile, and
   * what stands behind it would run.
   */
  private static function awaitEnd() {
    if (!function_exists('pcntl_sigtimedwait') || !function_exists('posix_kill')) {
      return;
    }
    $mask = array();
    pcntl_sigprocmask(SIG_BLOCK, array(SIGTERM), $mask);
    $info = array();
    $end = microtime(TRUE) + self::WAIT;
    do {
      $signal = @pcntl_sigtimedwait(array(SIGTERM), $info, 1);
    } while ($signal !== SIGTERM && microtime(TRUE) < $end);
    if ($signal === SIGTERM) {
      // For whoever listens to it, once it may be heard again.
      posix_kill(getmypid(), SIGTERM);
    }
    pcntl_sigprocmask(SIG_SETMASK, $mask);
  }

}
