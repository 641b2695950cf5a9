<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\OutputLog;

/**
 * One job of Ultimate Cron 2.x as a process of its own.
 *
 * The job's own launcher keeps its lock: the table of locks for jobs of the serial
 * launcher; for those of Background Process the row of this very process, whose
 * handle and arguments are the launcher's. So the site's pages show the truth.
 */
class UltimateJob {

  private static $channel;

  public static function prepare(Channel $channel) {
    self::$channel = $channel;
  }

  /** @see drupald_ultimate_job() */
  public static function run($name, $lock_id, array $options) {
    $job = _ultimate_cron_job_load($name);
    if (!$job) {
      throw new \RuntimeException("Ultimate Cron has no job $name.");
    }
    $locks = $lock_id === '';
    if ($locks && ($job->isLocked() || !($lock_id = $job->lock()))) {
      OutputLog::note('The job runs elsewhere: its lock was taken.');
      self::step('');
      return;
    }
    self::step($lock_id);
    $latest = (float) $job->loadLatestLogEntry()->start_time;
    // By the log as the daemon has seen it: it may be ahead of a clock that was set back.
    if ($options['due'] > 0 && $latest >= $options['due'] && $latest > $options['seen'] + 0.001) {
      OutputLog::note('Somebody else has run the job meanwhile.');
      self::leave($job, $locks ? $lock_id : '');
      return;
    }
    if ($options['due'] > 0) {
      $scheduled = TRUE;
      \UltimateCronPlugin::hook_cron_post_schedule($job, $scheduled);
      module_invoke_all('cron_post_schedule', $job, $scheduled);
    }
    \UltimateCronPlugin::hook_cron_pre_launch($job);
    module_invoke_all('cron_pre_launch', $job);
    $log = $job->startLog($lock_id, $options['due'] > 0 ? t('Launched by drupald') : t('Launched by drupald on demand'));
    try {
      if (in_array(self::queueOf($job), $options['queues'], TRUE)) {
        $log->log('drupald', 'The items of this queue are run as they come, by drupald.', array(), WATCHDOG_INFO);
      }
      else {
        self::limit($job);
        $job->run();
      }
    }
    catch (\Exception $error) {
      self::threw($job, $error);
    }
    catch (\Throwable $error) {
      self::threw($job, $error);
    }
    $log->finish();
    self::leave($job, $locks ? $lock_id : '');
    \UltimateCronPlugin::hook_cron_post_launch($job);
    module_invoke_all('cron_post_launch', $job);
  }

  /** What its launcher allows a job. */
  private static function limit($job) {
    $settings = $job->getSettings('launcher');
    if (!empty($settings['lock_timeout'])) {
      drupal_set_time_limit((int) $settings['lock_timeout']);
    }
  }

  /** Name of the queue that a job works off; empty: it is no such job. */
  private static function queueOf($job) {
    return isset($job->hook['settings']['queue']['name']) ? (string) $job->hook['settings']['queue']['name'] : '';
  }

  private static function leave($job, $lock_id) {
    if ($lock_id !== '') {
      $job->unlock($lock_id);
    }
    self::step('');
  }

  private static function step($name) {
    self::$channel->send(array('type' => 'step', 'name' => $name, 'number' => 1, 'of' => 1));
  }

  private static function threw($job, $error) {
    Site::log('%job threw @class: @message in @file:@line', array(
      '%job' => $job->name,
      '@class' => get_class($error),
      '@message' => $error->getMessage(),
      '@file' => $error->getFile(),
      '@line' => $error->getLine(),
    ), WATCHDOG_ERROR, 'cron');
  }

}
