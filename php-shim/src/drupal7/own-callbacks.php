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
 */
function drupald_core_cron($options = array()) {
  \Drupald\Drupal7\CoreCron::run((array) $options);
}
