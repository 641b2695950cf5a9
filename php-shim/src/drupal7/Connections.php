<?php

namespace Drupald\Drupal7;

/**
 * Closes what a site keeps open, so that children of this process share none of it.
 */
class Connections {

  /** Classes of the module Redis that keep clients in static properties. */
  private static $holders = array('Redis_Client', 'Redis_ClientFactory');

  /**
   * Closes the databases and the well-known cache backends.
   *
   * What it does not know stays open: a zygote looks for sockets and refuses to fork.
   */
  public static function close() {
    Site::closeConnections();
    if (function_exists('dmemcache_object')) {
      // The module Memcache keeps its clients in a static; this empties it.
      dmemcache_object(NULL, TRUE);
    }
    foreach (self::$holders as $class) {
      if (class_exists($class, FALSE)) {
        self::closeHolders($class);
      }
    }
    closelog();
  }

  /** Closes the clients in the static properties of a class, whatever they are called. */
  private static function closeHolders($class) {
    $reflection = new \ReflectionClass($class);
    foreach ($reflection->getProperties(\ReflectionProperty::IS_STATIC) as $property) {
      if (PHP_VERSION_ID < 80100) {
        $property->setAccessible(TRUE);
      }
      $value = $property->getValue();
      foreach (is_array($value) ? $value : array($value) as $client) {
        self::closeClient($client);
      }
    }
    if (method_exists($class, 'reset')) {
      call_user_func(array($class, 'reset'));
    }
  }

  private static function closeClient($client) {
    foreach (array('close', 'quit', 'disconnect') as $method) {
      if (is_object($client) && is_callable(array($client, $method))) {
        try {
          $client->$method();
          return;
        }
        catch (\Exception $error) {
          continue;
        }
      }
    }
  }

}
