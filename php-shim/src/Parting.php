<?php

namespace Drupald;

/**
 * The first of all shutdown functions of a process, whoever's turn it is.
 *
 * PHP calls shutdown functions in the order in which they were registered. A
 * worker that a zygote forks learns its task long after the site's code has been
 * loaded, which may have registered some; so the place is taken before.
 */
class Parting {

  private static $reserved = FALSE;
  private static $task;

  /** Takes the place. */
  public static function reserve() {
    if (!self::$reserved) {
      self::$reserved = TRUE;
      register_shutdown_function(array(__CLASS__, 'shutdown'));
    }
  }

  /**
   * Says what is to be called at the end of this process; NULL: nothing.
   *
   * @param callable|null $task
   *   Takes no arguments.
   */
  public static function with($task) {
    self::reserve();
    self::$task = $task;
  }

  /** Shutdown function. */
  public static function shutdown() {
    if (self::$task) {
      call_user_func(self::$task);
    }
  }

}
