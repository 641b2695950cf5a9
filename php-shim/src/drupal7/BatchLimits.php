<?php

namespace Drupald\Drupal7;

/**
 * How long one process goes on with a batch before another one relieves it.
 */
class BatchLimits {

  /** Bytes that loading and saving take for each byte of a batch, and besides. */
  const COPIES = 5;
  const BESIDES = 16777216;

  /** The site's own limit while more is allowed, in bytes; 0: there is none. */
  private static $own = 0;

  /** Bytes of the batch as it is stored, and what this process took then. */
  private static $size = 0;
  private static $used = 0;

  /** Bytes that the site took before the batch was loaded. */
  private static $site = 0;

  private $until;
  private $memory;
  private $loaded;
  private $before;
  private $last;
  private $growth = 0;
  private $steps = 0;

  public function __construct() {
    $this->until = microtime(TRUE) + max(0, (float) variable_get('background_batch_process_lifespan', 10000)) / 1000;
    $this->memory = self::$own ? self::$own : self::bytes((string) ini_get('memory_limit'));
    $this->last = $this->loaded = memory_get_usage();
    $this->before = self::$size;
  }

  /**
   * Sees to it that a batch can be loaded: what it holds comes on top of the limit that the site has for its operations.
   *
   * Else results that have grown could be read by no process any more.
   */
  public static function allow($bid) {
    $limit = self::bytes((string) ini_get('memory_limit'));
    self::$size = (int) db_query('SELECT LENGTH(batch) FROM {batch} WHERE bid = :bid', array(':bid' => $bid))->fetchField();
    self::$used = self::$site = memory_get_usage();
    if ($limit > 0) {
      self::$own = $limit;
      self::raise($limit + self::COPIES * self::$size);
    }
  }

  /** Sees to it that it can be saved as it has become. */
  public static function allowSave() {
    if (self::$own > 0) {
      $size = self::$size + max(0, memory_get_usage() - self::$used);
      self::raise(memory_get_usage(TRUE) + self::COPIES * $size + self::BESIDES);
    }
  }

  /** It was saved, in so many bytes. */
  public static function saved($size) {
    self::$size = $size;
    self::$used = memory_get_usage();
  }

  /** The limit is the site's again. */
  public static function restore() {
    if (self::$own > 0) {
      @ini_set('memory_limit', (string) self::$own);
      self::$own = 0;
    }
  }

  private static function raise($bytes) {
    if ($bytes > self::bytes((string) ini_get('memory_limit'))) {
      @ini_set('memory_limit', (string) $bytes);
    }
  }

  /** Bytes of a limit as PHP writes it; 0: there is none. */
  public static function bytes($limit) {
    if (!preg_match('/^\s*(-?\d+)\s*([kmg]?)/i', $limit, $found) || $found[1] <= 0) {
      return 0;
    }
    $powers = array('' => 0, 'k' => 1, 'm' => 2, 'g' => 3);
    return (int) $found[1] * pow(1024, $powers[strtolower($found[2])]);
  }

  /** An operation was called. */
  public function stepped() {
    $used = memory_get_usage();
    $this->growth = max($this->growth, $used - $this->last);
    $this->last = $used;
    $this->steps++;
  }

  /** Whether another process is to go on; not before this one has done anything. */
  public function areReached() {
    if ($this->steps === 0) {
      return FALSE;
    }
    // What the largest of them took counts once more; what the batch itself holds is there in each process.
    $taken = $this->last - $this->loaded - (self::$size - $this->before);
    return microtime(TRUE) >= $this->until || ($this->memory > 0 && self::$site + $taken + $this->growth > $this->memory * 0.8);
  }

}
