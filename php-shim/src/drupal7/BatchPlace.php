<?php

namespace Drupald\Drupal7;

/**
 * Where a run meets its batch, if it has one.
 */
class BatchPlace {

  private static $parts = array('Run', 'Work', 'Items', 'Save', 'Sets', 'Operation', 'Progress', 'Failures', 'Messages', 'Surroundings', 'Limits', 'End', 'Wait');

  const CORE = 'drupald_core_batch';

  /** Makes known what runs a batch; not before Drupal is there, whose classes some extend. */
  public static function load() {
    foreach (self::$parts as $part) {
      require_once __DIR__ . '/Batch' . $part . '.php';
    }
    require_once __DIR__ . '/CoreBatch.php';
  }

  /** The process is claimed: its callback runs next. */
  public static function claimed(array $job) {
    if (isset($job['batch'])) {
      self::load();
      if ($job['callback'] === self::CORE) {
        CoreBatch::prepare($job['batch']);
        return;
      }
      // The process of a batch has its number in its name.
      BatchLimits::allow((int) substr(strrchr($job['handle'], ':'), 1));
      require_once __DIR__ . '/BatchStart.php';
      BatchStart::watch($job['batch']);
    }
  }

  /** PHP ends: before the row goes, which another process could then have. */
  public static function leave(array $job, array $outcome) {
    if (isset($job['batch'])) {
      BatchRun::abandon($outcome['kind'] === 'exit' ? 'It ended PHP by exit().' : $outcome['sentence']);
    }
  }

}
