<?php

/**
 * @file
 * Settings of the stand-in site in containers; a real site brings its own.
 */

$databases['default']['default'] = array(
  'driver' => 'mysql',
  'host' => 'db',
  'port' => '3306',
  'database' => 'drupal',
  'username' => 'drupal',
  'password' => 'drupal',
  'prefix' => '',
);

$drupal_hash_salt = 'only-for-the-stand-in';

$conf['background_process_service_hosts']['default'] = array(
  'base_url' => 'http://drupald:8970',
  'http_host' => 'localhost:8080',
);
