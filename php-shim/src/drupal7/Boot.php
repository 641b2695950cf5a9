<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\ErrorWatch;
use Drupald\OutputLog;

/**
 * Boots Drupal 7 in full, as index.php does, and tells why it could not.
 */
class Boot {

  private $channel;
  private $warm;
  private $resident;
  private $failed = FALSE;
  private $level = 0;

  /** What has changed since the zygote was made; then this process must not go on. */
  public $stale;

  /**
   * @param Warm|null $warm
   *   What a zygote has loaded already.
   * @param Resident|null $resident
   *   The worker runs many.
   */
  public function __construct(Channel $channel, $warm = NULL, $resident = NULL) {
    $this->channel = $channel;
    $this->resident = $resident;
    $this->warm = $warm;
  }

  /** Loads the bootstrap file of the current folder. */
  public static function load() {
    if (!defined('DRUPAL_ROOT')) {
      define('DRUPAL_ROOT', getcwd());
    }
    require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
  }

  /**
   * Loads the system module before the others.
   *
   * What PHP calls deprecated in a module that comes before it is logged at once;
   * with a cold cache of hooks Ultimate Cron then calls a function of it. A look
   * at what is deprecated does without, as the pages of the site have to.
   */
  public static function loadSystem() {
    drupal_load('module', 'system');
  }

  /**
   * Boots; afterwards the site's error handler has ours in front of it.
   *
   * @param array $job
   *   The job whose request Drupal is to see.
   *
   * @return bool
   *   FALSE when something was thrown: the daemon has been told.
   */
  public function full(array $job) {
    $this->level = $level = ob_get_level();
    try {
      if ($this->resident) {
        $this->stale = $this->resident->begin($job);
        if (drupal_get_bootstrap_phase() !== DRUPAL_BOOTSTRAP_FULL) {
          return TRUE;
        }
      }
      elseif ($this->warm) {
        $this->stale = $this->warm->resume($job);
      }
      else {
        self::load();
        drupal_bootstrap(DRUPAL_BOOTSTRAP_VARIABLES);
        if (empty($job['deprecations'])) {
          self::loadSystem();
        }
        drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
      }
    }
    catch (\Exception $error) {
      return $this->threw($error);
    }
    catch (\Throwable $error) {
      return $this->threw($error);
    }
    // Drupal holds all output back until the end of a page. Same number of
    // buffers, but passing on at once, so that a log can be followed.
    if (ob_get_level() > $level) {
      while (ob_get_level() > $level) {
        ob_end_flush();
      }
      ob_start(NULL, 1);
    }
    ErrorWatch::install();
    if ($this->resident) {
      $this->resident->remember();
    }
    return TRUE;
  }

  private function threw($error) {
    $this->failed = TRUE;
    $this->channel->send(self::failure('threw', $error));
    return FALSE;
  }

  /** The message for a start that failed by something that was thrown. */
  public static function failure($cause, $error) {
    return array(
      'type' => 'boot-failed',
      'cause' => $cause,
      'class' => get_class($error),
      'message' => $error->getMessage(),
      'file' => $error->getFile(),
      'line' => $error->getLine(),
      'database' => \Drupald\Ending::isPassing($error),
    );
  }

  /** Tells the daemon, from a shutdown function, that PHP ended while Drupal booted. */
  public function ended($error) {
    if ($this->failed) {
      return;
    }
    if ($error && ($error['type'] & \Drupald\Ending::FATAL)) {
      $this->channel->send(array(
        'type' => 'boot-failed',
        'cause' => 'fatal',
        'message' => (string) strtok($error['message'], "\n"),
        'file' => $error['file'],
        'line' => $error['line'],
      ));
      return;
    }
    // Drupal's handler of errors prints what happened, and leaves by exit().
    while (ob_get_level() > max(1, $this->level) && @ob_end_flush()) {
      continue;
    }
    $this->channel->send(array('type' => 'boot-failed', 'cause' => 'exit', 'message' => OutputLog::last()));
  }

}
