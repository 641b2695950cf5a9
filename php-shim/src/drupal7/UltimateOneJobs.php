<?php

namespace Drupald\Drupal7;

require_once __DIR__ . '/UltimateJobs.php';

/**
 * Tells the daemon which jobs Ultimate Cron 1.x has, or has one launched in
 * the module's own way.
 */
class UltimateOneJobs extends Errand {

  protected function work() {
    if (!empty($this->job['launch'])) {
      self::launch($this->job['launch']);
      $this->channel->send(array('type' => 'done-so'));
    }
    else {
      // Locks before logs: who ends between the two looks has written its log.
      $locks = self::locks();
      $queues = isset($this->job['queues']) ? (array) $this->job['queues'] : array();
      $this->channel->send(array('type' => 'jobs', 'jobs' => self::all($locks, $queues)) + self::site());
    }
  }

  /** What the module puts before the name of a job in the handle of its process. */
  private static function prefix() {
    $usual = defined('ULTIMATE_CRON_HANDLE_PREFIX') ? constant('ULTIMATE_CRON_HANDLE_PREFIX') : NULL;
    return $usual === NULL ? 'uc:' : (string) variable_get('ultimate_cron_handle_prefix', $usual);
  }

  /** What holds for all jobs. */
  private static function site() {
    $usual = defined('ULTIMATE_CRON_SIMULTANEOUS_CONNECTIONS') ? constant('ULTIMATE_CRON_SIMULTANEOUS_CONNECTIONS') : 40;
    return array(
      'zone' => date_default_timezone_get(),
      // Beside some modules it does nothing.
      'stopped' => function_exists('_ultimate_cron_incompatible_modules') && (bool) _ultimate_cron_incompatible_modules(),
      'maintenance' => (bool) variable_get('maintenance_mode', 0),
      'installed' => variable_get('install_task') === 'done',
      'threads' => array('background_process' => max(1, (int) variable_get('ultimate_cron_simultaneous_connections', $usual))),
      'locksHere' => FALSE,
      'prefix' => self::prefix(),
    );
  }

  /** The handles of jobs that wait or run. */
  private static function locks() {
    return Site::processConnection()->query('SELECT handle FROM {background_process} WHERE handle LIKE :like', array(
      ':like' => db_like(self::prefix()) . '%',
    ))->fetchCol();
  }

  /** Every job; one that is broken disturbs no other. */
  private static function all(array $locks, array $queues) {
    $hooks = ultimate_cron_get_hooks();
    $schedule = NULL;
    if (module_implements('cron_schedule_alter')) {
      // Modules of the site have a say in what runs when.
      $schedule = ultimate_cron_get_schedule($hooks);
    }
    $told = array();
    foreach ($hooks as $name => $hook) {
      $due = $schedule === NULL ? NULL : isset($schedule[$name]);
      try {
        $told[] = self::one((string) $name, $hook, $due, $locks, $queues);
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

  private static function one($name, array $hook, $due, array $locks, array $queues) {
    ultimate_cron_load_hook_data($hook);
    $settings = (array) $hook['settings'];
    $began = isset($hook['log']['start']) ? (float) $hook['log']['start'] : 0.0;
    $ended = isset($hook['log']['end']) ? (float) $hook['log']['end'] : 0.0;
    $handle = self::prefix() . $name;
    return array(
      'name' => $name,
      'title' => isset($hook['description']) ? (string) $hook['description'] : $name,
      'disabled' => empty($settings['enabled']),
      'launcher' => 'background_process',
      'scheduler' => 'crontab 1.x',
      'rules' => isset($settings['rules']) ? array_values(array_map('strval', (array) $settings['rules'])) : array(),
      'catchUp' => isset($settings['catch_up']) ? (float) $settings['catch_up'] : 0,
      'due' => $due,
      'skew' => isset($hook['delta']) ? (int) $hook['delta'] : 0,
      'last' => $began,
      'took' => $ended > $began ? $ended - $began : 0,
      'open' => '',
      'lock' => in_array($handle, $locks, TRUE) ? $handle : '',
      'lockTimeout' => 3600,
      'daemonize' => FALSE,
      'unlimited' => !empty($hook['override_congestion_protection']),
      'hosts' => UltimateJobs::hosts(array('service_group' => self::group($settings))),
      'args' => base64_encode(serialize(array($name, self::start($name, $hook, $queues)))),
    );
  }

  /** The service group of a job. */
  private static function group(array $settings) {
    if (!empty($settings['service_group'])) {
      return $settings['service_group'];
    }
    $usual = defined('ULTIMATE_CRON_SERVICE_GROUP') ? constant('ULTIMATE_CRON_SERVICE_GROUP') : NULL;
    return $usual === NULL
      ? variable_get('background_process_default_service_group', 'default')
      : variable_get('ultimate_cron_service_group', $usual);
  }

  /** A job as the module gives it to its process. That it is due is known already. */
  private static function start($name, array $hook, array $queues) {
    $hook['timestamp'] = time();
    $hook['skip_catch_up'] = TRUE;
    unset($hook['log']['msg']);
    $queue = preg_replace('/^ultimate_cron_queue_/', '', $name);
    if ($queue !== $name && in_array($queue, $queues, TRUE)) {
      // Only our workers have it. Wherever it cannot be called, the module works the queue off.
      $hook['callback'] = 'drupald_queue_runs_elsewhere';
    }
    return $hook;
  }

  private static function launch($name) {
    $hooks = ultimate_cron_get_hooks();
    if (!isset($hooks[$name])) {
      return;
    }
    $hook = $hooks[$name];
    ultimate_cron_load_hook_data($hook);
    if (ultimate_cron_run_hook($name, self::start($name, $hook, array())) === NULL) {
      throw new \RuntimeException("The service host of $name does not answer.");
    }
  }

  private static function broken($name, $error) {
    return array('name' => (string) $name, 'problem' => get_class($error) . ': ' . $error->getMessage());
  }

}
