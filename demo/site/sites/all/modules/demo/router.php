<?php

/**
 * @file
 * Sends every request to the site's front controller, for PHP's own web server.
 */

$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = dirname(dirname(dirname(dirname(dirname(__FILE__))))) . '/index.php';
chdir(dirname($_SERVER['SCRIPT_FILENAME']));
require $_SERVER['SCRIPT_FILENAME'];
