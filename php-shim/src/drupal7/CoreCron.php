<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\Ending;
use Drupald\OutputLog;

/**
 * The site's own drupal_cron_run(), told step by step.
 *
 * Each module's hook_cron() is called through a stand-in, so that the daemon
 * knows which one runs, and a PHP Error in one does not end the others: the
 * core catches exceptions only.
 */
class CoreCron {

  private static $channel;
  private static $modules = array();
  private static $original;
  private static $hidden = array();
  private static $turns;

  /** Makes the callbacks known; called before the module asks whether they can be called. */
  public static function prepare(Channel $channel) {
    self::$channel = $channel;
    require_once __DIR__ . '/CronTurn.php';
    require_once __DIR__ . '/own-callbacks.php';
  }

  /** @see drupald_core_cron() */
  public static function run(array $options) {
    self::$turns = empty($options['isolate']) ? NULL : new CronTurn(self::$channel);
    // From the first moment on, so that no page takes itself for the one that has to run it.
    variable_set('cron_last', time());
    self::standIn(isset($options['skip']) ? (array) $options['skip'] : array());
    self::hide(isset($options['queues']) ? (array) $options['queues'] : array());
    $ran = drupal_cron_run();
    self::restore();
    self::$channel->send(array('type' => 'step', 'name' => '', 'number' => count(self::$modules), 'of' => count(self::$modules)));
    if (!$ran) {
      OutputLog::note('Cron was running elsewhere: its lock was taken. No hook was called.');
      return;
    }
    $threshold = (int) variable_get('cron_safe_threshold', 10800);
    if ($threshold > 0 && time() - REQUEST_TIME > $threshold / 2) {
      // The core writes when the run began: pages would soon begin the next one.
      variable_set('cron_last', time());
    }
  }

  /**
   * Puts a stand-in for each module into the list of implementations.
   *
   * The core takes the list once. The first stand-in puts the true one back,
   * so that nothing else meets it, least of all the cache.
   */
  private static function standIn(array $skip) {
    $modules = array_values(array_diff(module_implements('cron'), $skip));
    $implementations = &drupal_static('module_implements');
    self::$modules = $modules;
    self::$original = $implementations['cron'];
    $implementations['cron'] = array();
    foreach ($modules as $index => $module) {
      $name = 'drupald_step_' . $index;
      if (!function_exists($name . '_cron')) {
        eval('function ' . $name . '_cron() { \\' . __CLASS__ . '::invoke(' . $index . '); }');
      }
      $implementations['cron'][$name] = FALSE;
    }
    // It would name the stand-ins.
    $GLOBALS['conf']['cron_detailed_logging'] = 0;
  }

  /**
   * Keeps queues from this run that the daemon works off all the time.
   *
   * Ours stands behind all alterations of the list that modules make.
   */
  private static function hide(array $names) {
    self::$hidden = $names;
    $functions = &drupal_static('drupal_alter');
    $functions['cron_queue_info'] = array();
    foreach (module_implements('cron_queue_info_alter') as $module) {
      $functions['cron_queue_info'][] = $module . '_cron_queue_info_alter';
    }
    $functions['cron_queue_info'][] = 'drupald_hide_queues';
  }

  /** @see drupald_hide_queues() */
  public static function withoutHidden(array $queues) {
    return array_diff_key($queues, array_flip(self::$hidden));
  }

  private static function restore() {
    if (self::$original !== NULL) {
      $implementations = &drupal_static('module_implements');
      $implementations['cron'] = self::$original;
      self::$original = NULL;
    }
  }

  /** Calls one module's hook_cron(). */
  public static function invoke($index) {
    self::restore();
    $module = self::$modules[$index];
    $begun = microtime(TRUE);
    self::askDatabase();
    self::$channel->send(array('type' => 'step', 'name' => $module, 'number' => $index + 1, 'of' => count(self::$modules)));
    if (self::$turns && self::$turns->take($module)) {
      return;
    }
    try {
      module_invoke($module, 'cron');
    }
    catch (\Exception $error) {
      self::threw($module, $error);
    }
    catch (\Throwable $error) {
      self::threw($module, $error);
    }
    OutputLog::note(sprintf('%s_cron(): %.3f s', $module, microtime(TRUE) - $begun));
  }

  /** Hooks that could do nothing keep their turn: another process goes on with them when the database is back. */
  private static function askDatabase() {
    try {
      db_query('SELECT 1');
    }
    catch (\Exception $error) {
      self::endWithoutDatabase($error);
    }
  }

  private static function endWithoutDatabase($error) {
    if (!Ending::isDatabaseLoss($error)) {
      return;
    }
    OutputLog::note('The database is away: ' . $error->getMessage());
    // The core catches exceptions, and would go on.
    exit(1);
  }

  private static function threw($module, $error) {
    self::endWithoutDatabase($error);
    OutputLog::note($module . '_cron() threw ' . get_class($error) . ': ' . $error->getMessage() . ' in ' . $error->getFile() . ':' . $error->getLine());
    Site::log('%module_cron() threw @class: @message in @file:@line', array(
      '%module_cron' => $module . '_cron',
      '@class' => get_class($error),
      '@message' => $error->getMessage(),
      '@file' => $error->getFile(),
      '@line' => $error->getLine(),
    ), WATCHDOG_ERROR, 'cron');
  }

}
