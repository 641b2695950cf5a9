<?php

namespace Drupald\Drupal7;

/**
 * Whether what begins cron of Ultimate Cron 1.x is still needed, where the
 * daemon runs it.
 *
 * The module looks at its log before it takes a job's lock, and not again. Here
 * the lock is held, so that nobody runs the job meanwhile, and its log tells
 * everybody who has.
 */
class CronGate {

  /**
   * Removes the process if nothing is left for it to do; its hook is not told.
   *
   * @return array|null
   *   The message for the daemon; NULL: it may run.
   */
  public static function refusal($handle) {
    $process = background_process_get_process($handle);
    $reason = $process ? self::reason($process) : NULL;
    if ($reason === NULL || !background_process_remove_process($process->handle, $process->start_stamp)) {
      return NULL;
    }
    return array('type' => 'refused', 'reason' => 'gone', 'sentence' => $reason);
  }

  private static function reason($process) {
    if ($process->callback === '_ultimate_cron_poorman') {
      return 'A page wanted to run cron, which drupald does.';
    }
    $args = array_values((array) $process->args) + array('', NULL, NULL);
    list($name, $hook, $ours) = $args;
    if (!is_array($hook)) {
      return NULL;
    }
    $log = ultimate_cron_get_log($name);
    $last = isset($log['start']) ? (float) $log['start'] : 0.0;
    $seen = isset($hook['log']['start']) ? (float) $hook['log']['start'] : 0.0;
    if ($last <= $seen + 0.001) {
      return NULL;
    }
    if ($ours !== NULL) {
      return self::reasonOfOurs((array) $ours, $hook, $last);
    }
    if (!empty($hook['skip_catch_up'])) {
      // Somebody wants it now.
      return NULL;
    }
    $hook['log'] = $log;
    return self::isDue($hook) ? NULL : 'The job has run meanwhile.';
  }

  /** Of a process that the daemon has begun, or that such a one has begun anew when it ended. */
  private static function reasonOfOurs(array $ours, array $hook, $last) {
    if (empty($ours['due']) || $last < $ours['due']) {
      return NULL;
    }
    if ($last < $ours['begun']) {
      return 'Somebody else has run the job meanwhile.';
    }
    // As the module asks in each process of a chain: by the log as the first has found it.
    return self::isDue($hook) ? NULL : 'The time of the job is over.';
  }

  private static function isDue(array $hook) {
    try {
      return (bool) ultimate_cron_hook_should_run($hook);
    }
    catch (\Exception $error) {
      return FALSE;
    }
    catch (\Throwable $error) {
      // A rule that PHP stumbles over.
      return FALSE;
    }
  }

}
