<?php

namespace Drupald\Drupal7;

/**
 * Which queues of a site have a worker, as its cron would be told.
 */
class QueueInfo {

  /** The worker of Background Process's own queues. */
  const PROCESSES = '_background_process_queue';

  /**
   * What hook_cron_queue_info() and its alteration say; nothing where a module fails in it.
   *
   * @return array
   *   By name of the queue.
   */
  public static function workers() {
    try {
      $queues = self::told();
      drupal_alter('cron_queue_info', $queues);
      return array_filter((array) $queues, 'is_array');
    }
    catch (\Exception $error) {
      self::threw($error);
    }
    catch (\Throwable $error) {
      self::threw($error);
    }
    return array();
  }

  /**
   * What the modules say of their queues.
   *
   * Ultimate Cron 1.x takes whoever asks in cron.php for the core's cron, runs
   * its own instead, and exits. A worker has the surroundings of cron.php, but
   * runs no cron.
   */
  private static function told() {
    $script = $_SERVER['PHP_SELF'];
    if (function_exists('ultimate_cron_load_hook_data')) {
      $_SERVER['PHP_SELF'] = preg_replace('/cron\.php$/D', 'index.php', $script);
    }
    try {
      return module_invoke_all('cron_queue_info');
    }
    finally {
      $_SERVER['PHP_SELF'] = $script;
    }
  }

  /** The same for the daemon. */
  public static function facts() {
    $facts = array();
    foreach (self::workers() as $name => $info) {
      if (isset($info['worker callback'])) {
        $facts[] = array(
          'name' => (string) $name,
          'seconds' => isset($info['time']) ? (float) $info['time'] : 15.0,
          'skip' => !empty($info['skip on cron']),
          'table' => self::className($name) === 'SystemQueue',
          'class' => self::className($name),
          'unusable' => self::unusable(self::className($name)),
          'processes' => $info['worker callback'] === self::PROCESSES,
        );
      }
    }
    return $facts;
  }

  /** Name of the class that keeps a queue, as DrupalQueue::get() finds it. */
  public static function className($name) {
    $class = variable_get('queue_class_' . $name, NULL);
    return (string) ($class ? $class : variable_get('queue_default_class', 'SystemQueue'));
  }

  /** Why nobody can work off what a class keeps; '' when one can. */
  private static function unusable($class) {
    // Not loaded where no batch runs.
    foreach (array('BatchQueue', 'BatchMemoryQueue') as $batch) {
      if (strcasecmp($class, $batch) === 0 || is_a($class, $batch, TRUE)) {
        return 'of batches';
      }
    }
    if (!class_exists($class)) {
      return "there is no class $class";
    }
    if (is_a($class, 'MemoryQueue', TRUE)) {
      return 'gone with each request';
    }
    return is_a($class, 'DrupalQueueInterface', TRUE) ? '' : "$class is no queue";
  }

  private static function threw($error) {
    Site::log('Which queues there are could not be found out: @class: @message in @file:@line', array(
      '@class' => get_class($error),
      '@message' => $error->getMessage(),
      '@file' => $error->getFile(),
      '@line' => $error->getLine(),
    ), WATCHDOG_ERROR, 'cron');
  }

}
