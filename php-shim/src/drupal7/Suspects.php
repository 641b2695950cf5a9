<?php

namespace Drupald\Drupal7;

/**
 * Names the likely culprits when a site ends requests while it boots.
 */
class Suspects {

  /** Implementations of a hook whose own lines can end a request. */
  public static function of($hook) {
    $found = array();
    foreach (module_implements($hook) as $module) {
      try {
        $function = new \ReflectionFunction($module . '_' . $hook);
      }
      catch (\ReflectionException $error) {
        continue;
      }
      $lines = @file($function->getFileName());
      if (!$lines) {
        continue;
      }
      $body = implode('', array_slice($lines, $function->getStartLine() - 1, $function->getEndLine() - $function->getStartLine() + 1));
      if (preg_match('/\b(drupal_goto|drupal_exit|exit|die)\b/', $body)) {
        $found[] = $module . '_' . $hook . '() in ' . str_replace(DRUPAL_ROOT . '/', '', $function->getFileName()) . ':' . $function->getStartLine();
      }
    }
    return $found;
  }

}
