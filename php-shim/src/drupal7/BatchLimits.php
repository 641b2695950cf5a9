<?php

namespace Drupald\Drupal7;

/**
 * How long one process goes on with a batch before another one relieves it.
 */
class BatchLimits {

  private $until;
  private $memory;
  private $last;
  private $growth = 0;
  private $steps = 0;

  public function __construct() {
    $this->until = microtime(TRUE) + max(0, (float) variable_get('background_batch_process_lifespan', 10000)) / 1000;
    $this->memory = self::bytes((string) ini_get('memory_limit'));
    $this->last = memory_get_usage();
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
    // What the largest of them took, and room for the save.
    return microtime(TRUE) >= $this->until || ($this->memory > 0 && $this->last + $this->growth > $this->memory * 0.8);
  }

}
