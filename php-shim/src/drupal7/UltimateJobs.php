<?php

namespace Drupald\Drupal7;

require_once __DIR__ . '/Errand.php';

/**
 * Tells the daemon which jobs Ultimate Cron 2.x has, closes one whose worker
 * is gone, or has one launched in its launcher's own way.
 */
class UltimateJobs extends Errand {

  protected function work() {
    if (!empty($this->job['close'])) {
      self::close($this->job['close']);
      $this->channel->send(array('type' => 'done-so'));
    }
    elseif (!empty($this->job['launch'])) {
      $job = _ultimate_cron_job_load($this->job['launch']);
      if ($job) {
        $job->launch();
      }
      $this->channel->send(array('type' => 'done-so'));
    }
    else {
      $this->channel->send(array('type' => 'jobs', 'jobs' => self::all()) + self::site());
    }
  }

  /** What holds for all jobs. */
  private static function site() {
    $threads = array();
    foreach (_ultimate_cron_plugin_load_all('launcher') as $name => $launcher) {
      $settings = $launcher->getDefaultSettings();
      $threads[$name] = isset($settings['max_threads']) ? max(1, (int) $settings['max_threads']) : 1;
    }
    return array(
      'zone' => date_default_timezone_get(),
      'stopped' => (bool) variable_get('ultimate_cron_disable_scheduled', 0),
      'maintenance' => (bool) variable_get('maintenance_mode', 0),
      'installed' => variable_get('install_task') === 'done',
      'threads' => (object) $threads,
      // Elsewhere locks cannot be seen or renewed from outside.
      'locksHere' => _ultimate_cron_get_class('lock') === 'UltimateCronLock',
    );
  }

  /** Every job; one that is broken disturbs no other. */
  private static function all() {
    $jobs = _ultimate_cron_job_load_all();
    $class = _ultimate_cron_get_class('job');
    $logs = $class::loadLatestLogEntries($jobs);
    $locks = $class::isLockedMultiple($jobs);
    $told = array();
    foreach ($jobs as $name => $job) {
      try {
        $told[] = self::one($job, isset($logs[$name]) ? $logs[$name] : NULL, isset($locks[$name]) ? (string) $locks[$name] : '');
      }
      catch (\Exception $error) {
        $told[] = self::broken($name, $error);
      }
      catch (\Throwable $error) {
        $told[] = self::broken($name, $error);
      }
    }
    return $told;
  }

  private static function one($job, $log, $lock) {
    // Queues are throttled here: further threads of one are enabled and disabled.
    \UltimateCronPlugin::hook_cron_pre_schedule($job);
    module_invoke_all('cron_pre_schedule', $job);
    $scheduler = $job->getPlugin('scheduler');
    $settings = $job->getSettings('scheduler');
    $launcher = $job->getSettings('launcher');
    $known = in_array($scheduler->name, array('simple', 'crontab'), TRUE);
    $began = $log ? (float) $log->start_time : 0.0;
    return array(
      'name' => (string) $job->name,
      'title' => (string) $job->title,
      'disabled' => !empty($job->disabled),
      'launcher' => $job->getPlugin('launcher')->name,
      'scheduler' => $scheduler->name,
      'rules' => $known && isset($settings['rules']) ? array_values(array_map('strval', (array) $settings['rules'])) : array(),
      'catchUp' => isset($settings['catch_up']) ? (float) $settings['catch_up'] : 0,
      // A scheduler of the site's own decides for itself.
      'due' => $known ? NULL : (bool) $scheduler->isScheduled($job),
      'skew' => $job->getUniqueID() & 0xff,
      'last' => $began,
      'took' => $log && $log->end_time > $began ? $log->end_time - $began : 0,
      'open' => $log && $log->lid !== NULL && !(float) $log->end_time ? (string) $log->lid : '',
      'lock' => $lock,
      'lockTimeout' => isset($launcher['lock_timeout']) ? max(1.0, (float) $launcher['lock_timeout']) : 3600,
      'daemonize' => !empty($launcher['daemonize']),
      'unlimited' => !empty($job->hook['override_congestion_protection']),
      'hosts' => self::hosts($launcher),
    );
  }

  /** Names of the service hosts that may run a job; none: it does not matter. */
  public static function hosts(array $launcher) {
    if (empty($launcher['service_group'])) {
      return array();
    }
    $groups = variable_get('background_process_service_groups', array());
    $group = $launcher['service_group'];
    if (!empty($groups[$group]['hosts'])) {
      return array_values(array_map('strval', (array) $groups[$group]['hosts']));
    }
    return array((string) variable_get('background_process_default_service_host', 'default'));
  }

  private static function broken($name, $error) {
    return array('name' => (string) $name, 'problem' => get_class($error) . ': ' . $error->getMessage());
  }

  /**
   * Frees the lock and closes the log of a run that ended badly.
   *
   * Of whom the lock is not known the entries are meant that are open since then.
   */
  private static function close(array $what) {
    $job = _ultimate_cron_job_load($what['name']);
    if (!$job) {
      return;
    }
    $logger = $job->getPlugin('logger');
    $locks = $what['lock'] === '' ? array() : array($what['lock']);
    if (!$locks && $logger->name === 'database') {
      $locks = \Database::getConnection('default', 'default')->query(
        'SELECT lid FROM {ultimate_cron_log} WHERE name = :name AND log_type = 0 AND end_time = 0 AND start_time >= :since AND start_time <= :until',
        array(':name' => $job->name, ':since' => $what['since'], ':until' => $what['until'])
      )->fetchCol();
    }
    foreach ($locks as $lock) {
      $ours = $job->isLocked() === $lock;
      self::closeLog($job, $logger, $lock, $what['sentence']);
      if ($ours) {
        // As somebody who has closed the log himself.
        $job->sendSignal('background_process_legacy_dont_log');
        $job->unlock($lock);
      }
      if ($ours || !$job->isLocked()) {
        $job->finishProgress();
      }
    }
  }

  private static function closeLog($job, $logger, $lock, $sentence) {
    if ($logger->name === 'database') {
      // The shutdown functions may have closed it already, as a success: its row is changed in place.
      \Database::getConnection('default', 'default')->query(
        'UPDATE {ultimate_cron_log} SET end_time = CASE WHEN end_time = 0 THEN :now ELSE end_time END, message = CONCAT(message, :message), severity = CASE WHEN severity BETWEEN 0 AND 3 THEN severity ELSE 3 END WHERE lid = :lid',
        array(':now' => microtime(TRUE), ':message' => $sentence . "\n", ':lid' => $lock)
      );
      return;
    }
    $entry = $job->loadLogEntry($lock);
    if ($entry && $entry->lid === $lock) {
      $entry->finished = FALSE;
      $entry->log('drupald', '@sentence', array('@sentence' => $sentence), WATCHDOG_ERROR);
      $entry->finish();
    }
  }

}
