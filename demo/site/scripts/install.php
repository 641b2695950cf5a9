<?php

/**
 * @file
 * Makes the stand-in site's tables, users and variables in the database that its settings.php names.
 *
 * Usage: php scripts/install.php [--enable=module,module]
 */

define('DRUPAL_ROOT', dirname(dirname(__FILE__)));
chdir(DRUPAL_ROOT);
unset($_SERVER['SERVER_SOFTWARE']);
$_SERVER += array('HTTP_HOST' => 'localhost', 'REMOTE_ADDR' => '127.0.0.1');
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['REQUEST_URI'] = '/';
require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
drupal_bootstrap(DRUPAL_BOOTSTRAP_DATABASE);
require_once DRUPAL_ROOT . '/scripts/tables.inc';

foreach (standin_tables() as $name => $columns) {
  db_query('CREATE TABLE IF NOT EXISTS {' . $name . '} (' . $columns . ') ENGINE = InnoDB DEFAULT CHARACTER SET utf8 COLLATE utf8_general_ci');
}

$enabled = array('system', 'user', 'progress', 'background_process', 'demo');
foreach ($argv as $argument) {
  if (strpos($argument, '--enable=') === 0) {
    $enabled = array_merge($enabled, explode(',', substr($argument, 9)));
  }
}
foreach ($enabled as $name) {
  $folder = is_dir(DRUPAL_ROOT . "/modules/$name") ? "modules/$name" : "sites/all/modules/$name";
  $info = parse_ini_file(DRUPAL_ROOT . "/$folder/$name.info") + array('version' => VERSION);
  $code = file_get_contents(DRUPAL_ROOT . "/$folder/$name.module");
  db_query('REPLACE INTO {system} (filename, name, type, status, bootstrap, schema_version, weight, info) VALUES (:file, :name, :type, 1, :boot, 7000, 0, :info)', array(
    ':file' => "$folder/$name.module",
    ':name' => $name,
    ':type' => 'module',
    ':boot' => preg_match("/^function {$name}_(boot|exit)\\(/m", $code) ? 1 : 0,
    ':info' => serialize($info),
  ));
}

db_query("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')");
foreach (array(0 => '', 1 => 'admin', 2 => 'owner', 3 => 'visitor') as $uid => $name) {
  db_query('REPLACE INTO {users} (uid, name, mail, status, created) VALUES (:uid, :name, :mail, :status, :created)', array(
    ':uid' => $uid,
    ':name' => $name,
    ':mail' => $name === '' ? '' : "$name@example.com",
    ':status' => $uid ? 1 : 0,
    ':created' => time(),
  ));
}
foreach (array(1 => 'anonymous user', 2 => 'authenticated user', 3 => 'tester') as $rid => $name) {
  db_query('REPLACE INTO {role} (rid, name) VALUES (:rid, :name)', array(':rid' => $rid, ':name' => $name));
}
db_query('REPLACE INTO {users_roles} (uid, rid) VALUES (2, 3)');
db_query("REPLACE INTO {role_permission} (rid, permission, module) VALUES (3, 'administer background process', 'background_process')");

$GLOBALS['conf'] = array();
foreach (array('clean_url' => 1, 'date_default_timezone' => 'Europe/Copenhagen', 'install_task' => 'done', 'site_name' => 'Stand-in') as $name => $value) {
  variable_set($name, $value);
}

drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
foreach ($enabled as $name) {
  $file = DRUPAL_ROOT . '/' . drupal_get_path('module', $name) . "/$name.install";
  if (is_file($file)) {
    require_once $file;
    module_invoke($name, 'install');
  }
}
