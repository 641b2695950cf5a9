<?php

/**
 * @file
 * Settings of the stand-in site. Copy to settings.php.
 */

$databases = array(
  'default' => array(
    'default' => array(
      'driver' => 'mysql',
      'database' => 'standin',
      'username' => 'standin',
      'password' => '',
      'host' => '127.0.0.1',
      'port' => '3306',
      'prefix' => '',
    ),
  ),
);

$drupal_hash_salt = '';

// $base_url = 'http://www.example.com';
// $conf['background_process_service_hosts']['default'] = array('base_url' => 'http://127.0.0.1:8970');
