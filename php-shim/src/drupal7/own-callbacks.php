<?php

/**
 * @file
 * Callbacks that only drupald's own processes name. Loaded in their workers alone.
 */

/**
 * A cron run of a site without Ultimate Cron, as its own process.
 *
 * @param array $options
 *   skip: modules whose hook_cron() is not called, because this goes on after
 *   a run that died.
 *   queues: names of queues that are left alone.
 *   isolate: each module's hook_cron() is a process of its own.
 */
function drupald_core_cron($options = array()) {
  \Drupald\Drupal7\CoreCron::run((array) $options);
}

/**
 * One module's hook_cron(), as a process of its own within a cron run that waits for it.
 *
 * @param string $module
 *   Name of the module.
 */
function drupald_cron_hook($module) {
  \Drupald\Drupal7\CronTurn::run((string) $module);
}

/**
 * Works off items of one queue.
 *
 * @param string $name
 *   Name of the queue.
 * @param array $options
 *   seconds: after which no further item is begun.
 *   lease: seconds for which an item is claimed.
 */
function drupald_queue($name, $options = array()) {
  \Drupald\Drupal7\QueueRun::run($name, (array) $options + array('seconds' => 15, 'lease' => 60));
}

/**
 * Carries on a batch of Drupal's own Batch API whose browser went away.
 *
 * @param int $bid
 *   Its number.
 * @param int $uid
 *   Its starter.
 */
function drupald_core_batch($bid, $uid) {
  \Drupald\Drupal7\CoreBatch::run($bid, $uid);
}

/**
 * The end of a batch that nobody has come back for.
 *
 * @param int $bid
 *   Its number.
 */
function drupald_batch_finish($bid) {
  \Drupald\Drupal7\BatchFinish::run($bid);
}

/**
 * Stands behind the site's own implementations of hook_cron_queue_info_alter().
 */
function drupald_hide_queues(&$queues) {
  $queues = \Drupald\Drupal7\CoreCron::withoutHidden((array) $queues);
}

/**
 * A job of Ultimate Cron 1.x for a queue that is worked off without it.
 */
function drupald_queue_runs_elsewhere() {
  drupal_set_message(t('The items of this queue are run as they come, by drupald.'));
}

/**
 * A job of Ultimate Cron 2.x, as its own process.
 *
 * @param string $name
 *   The job.
 * @param string $lock_id
 *   Empty: the job's launcher locks it now. Else this process is its lock.
 * @param array $options
 *   due: the time in seconds since 1970 for which it runs; 0: for none.
 *   seen: its last begin as the daemon knows it.
 *   queues: names of queues that are worked off without it.
 */
function drupald_ultimate_job($name, $lock_id, $options = array()) {
  \Drupald\Drupal7\UltimateJob::run($name, $lock_id, (array) $options + array('due' => 0, 'seen' => 0, 'queues' => array()));
}
