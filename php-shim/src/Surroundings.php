<?php

namespace Drupald;

/**
 * What a PHP process has around it, for a comparison with the web server's PHP.
 *
 * Also written, as it stands here, into the probe that "drupald doctor --web"
 * puts in front of the web server; so it needs nothing else of the shim.
 */
class Surroundings {

  /** ini settings that change what code does. */
  private static $settings = array(
    'memory_limit', 'date.timezone', 'default_charset', 'mbstring.language', 'mbstring.internal_encoding',
    'mbstring.func_overload', 'precision', 'serialize_precision', 'pcre.backtrack_limit', 'pcre.recursion_limit',
    'pcre.jit', 'error_reporting', 'open_basedir', 'disable_functions', 'disable_classes', 'include_path',
    'auto_prepend_file', 'auto_append_file', 'allow_url_fopen', 'default_socket_timeout', 'max_input_time',
    'sendmail_path', 'sys_temp_dir', 'upload_tmp_dir', 'session.save_path', 'zend.assertions', 'soap.wsdl_cache_dir',
    'pdo_mysql.default_socket', 'apc.enabled', 'variables_order',
  );

  /** Extensions that only a web server or only a command line has. */
  private static $ownToSapi = array('apache2handler', 'cgi-fcgi', 'readline', 'pcntl', 'posix', 'fpm');

  /**
   * Everything that is compared. Values of environment variables are hashed:
   * they are often secrets.
   */
  public static function look() {
    $ini = array();
    foreach (self::$settings as $name) {
      $value = ini_get($name);
      if ($value !== FALSE) {
        $ini[$name] = (string) $value;
      }
    }
    $environment = array();
    foreach (self::environment() as $name => $value) {
      $environment[$name] = md5($name . '=' . $value);
    }
    $extensions = array_values(array_diff(array_map('strtolower', get_loaded_extensions()), self::$ownToSapi));
    sort($extensions);
    $umask = umask();
    return array(
      'version' => PHP_VERSION,
      'sapi' => PHP_SAPI,
      'ini' => $ini,
      'environment' => $environment,
      'extensions' => $extensions,
      'umask' => sprintf('%04o', $umask),
      'user' => function_exists('posix_geteuid') ? posix_geteuid() : -1,
      'time' => microtime(TRUE),
    );
  }

  /** Variables that somebody set on purpose: SetEnv, env[] of a pool, the service's own. */
  private static function environment() {
    $all = array();
    foreach ($_SERVER as $name => $value) {
      if (is_string($value)) {
        $all[$name] = $value;
      }
    }
    $request = '/^(HTTP_|SERVER_|REMOTE_|REQUEST_|REDIRECT_|DOCUMENT_|CONTEXT_|SCRIPT_|PATH(_|$)|PHP_|GATEWAY_|QUERY_|CONTENT_|FCGI_|ORIG_|SSL_|APACHE_|AUTH_|HTTPS$|UNIQUE_ID$|LANG$|LC_|PWD$|SHLVL$|_$|USER$|HOME$|INVOCATION_ID$|JOURNAL_STREAM$|MEMORY_PRESSURE|argv$|argc$)/';
    foreach (array_keys($all) as $name) {
      if (preg_match($request, $name)) {
        unset($all[$name]);
      }
    }
    return $all;
  }

}
