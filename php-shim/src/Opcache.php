<?php

namespace Drupald;

/**
 * What a process that shares opcache with its parent has to know of it.
 */
class Opcache {

  private static $misses = -1;
  private static $freshScripts = array();

  /** Whether this PHP has it, switched on. */
  public static function isOn() {
    return function_exists('opcache_get_status') && (bool) @opcache_get_status(FALSE);
  }

  /**
   * Takes files out of opcache that were changed within the last seconds.
   *
   * opcache compares whole seconds: a file that was changed, run and changed
   * again within one second would stay as it was at first. (Its own protection
   * against that, opcache.file_update_protection, counts from the start of this
   * process and would keep every later change out of the cache for ever.)
   */
  public static function forgetFreshScripts() {
    $status = function_exists('opcache_get_status') ? @opcache_get_status(FALSE) : FALSE;
    if (!$status || !isset($status['opcache_statistics']['misses'])) {
      return;
    }
    $now = time();
    $misses = $status['opcache_statistics']['misses'];
    if ($misses !== self::$misses) {
      self::$misses = $misses;
      $status = @opcache_get_status(TRUE);
      foreach (isset($status['scripts']) ? $status['scripts'] : array() as $file => $script) {
        if (isset($script['timestamp']) && $script['timestamp'] >= $now - 1) {
          self::$freshScripts[$file] = $script['timestamp'];
        }
      }
    }
    foreach (self::$freshScripts as $file => $changed) {
      @opcache_invalidate($file, TRUE);
      if ($changed < $now - 1) {
        unset(self::$freshScripts[$file]);
      }
    }
  }

  /**
   * What of it is nearly full: "memory", "keys" or NULL.
   */
  public static function nearlyFull() {
    $status = function_exists('opcache_get_status') ? @opcache_get_status(FALSE) : FALSE;
    if (!$status || !isset($status['memory_usage'], $status['opcache_statistics'])) {
      return NULL;
    }
    $memory = $status['memory_usage'];
    $keys = $status['opcache_statistics'];
    $total = $memory['used_memory'] + $memory['free_memory'] + $memory['wasted_memory'];
    $memory_full = $total > 0 && $memory['free_memory'] / $total < 0.08;
    $keys_full = $keys['max_cached_keys'] > 0 && $keys['num_cached_keys'] / $keys['max_cached_keys'] > 0.92;
    if ($memory_full || $keys_full || !empty($status['cache_full'])) {
      return $memory_full ? 'memory' : 'keys';
    }
    return NULL;
  }

}
