<?php

namespace Drupald\Drupal7;

/**
 * The file that says that the hook of a run has begun, or is done.
 *
 * A daemon that is killed does not hear what its workers say of a hook, and the
 * next one would have it called again, or not at all. Whoever makes the file may
 * call the hook, and there is only one who can.
 */
class HookMark {

  /**
   * Asks for the right to call the hook.
   *
   * @return bool
   *   FALSE when it has begun before.
   */
  public static function begin($file) {
    if (!$file) {
      return TRUE;
    }
    $mark = @fopen($file, 'x');
    if ($mark) {
      fclose($mark);
      return TRUE;
    }
    // A disk that is full costs the mark, not the hook.
    clearstatcache(TRUE, $file);
    return !file_exists($file);
  }

  /** The hook has come to its end. */
  public static function done($file) {
    if ($file) {
      @file_put_contents($file, 'done');
    }
  }

  public static function isDone($file) {
    return @file_get_contents($file) === 'done';
  }

}
