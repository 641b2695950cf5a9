<?php

/**
 * @file
 * Entry of the shim: becomes a root (which only forks) or one cold worker.
 *
 * The daemon feeds PHP a two-line script on standard input that sets $drupald
 * and requires this file. That keeps the one-time secret out of the argument
 * list and out of the environment, and it leaves STDIN, STDOUT and STDERR
 * undefined, so that a worker can define them on descriptors of its own.
 *
 * $drupald: mode (root|worker), socket (path), secret, title.
 */

require_once __DIR__ . '/src/Channel.php';
require_once __DIR__ . '/src/Opcache.php';
require_once __DIR__ . '/src/Forker.php';
require_once __DIR__ . '/src/Root.php';
require_once __DIR__ . '/src/Zygote.php';
require_once __DIR__ . '/src/Parting.php';
require_once __DIR__ . '/src/StaticVariable.php';
require_once __DIR__ . '/src/Worker.php';
require_once __DIR__ . '/src/Environment.php';
require_once __DIR__ . '/src/OutputLog.php';
require_once __DIR__ . '/src/ErrorWatch.php';
require_once __DIR__ . '/src/Ending.php';
require_once __DIR__ . '/src/CallStack.php';
require_once __DIR__ . '/src/Surroundings.php';
foreach (array('Leaving', 'Site', 'Boot', 'Connections', 'Warm', 'Resident', 'Admission', 'HookMark', 'RunHook', 'Locks', 'BatchFailed', 'BatchPlace', 'Run', 'Settle', 'Describe') as $part) {
  require_once __DIR__ . '/src/drupal7/' . $part . '.php';
}

if (!isset($drupald['mode'], $drupald['socket'], $drupald['secret'])) {
  fwrite(fopen('php://stderr', 'w'), "drupald.php is started by the daemon and does nothing by itself.\n");
  exit(2);
}

call_user_func(function (array $start) {
  // Nothing of ours may be seen among the globals of the site's code.
  unset($GLOBALS['drupald'], $GLOBALS['part'], $GLOBALS['argv'], $GLOBALS['argc']);
  // Only a worker comes back from here: a root ends inside serve().
  $worker = $start['mode'] === 'root'
    ? \Drupald\Root::serve($start['socket'], $start['secret'], isset($start['title']) ? $start['title'] : '')
    : new \Drupald\Worker($start['socket'], $start['secret'], FALSE);
  // More than one turn: a worker that becomes a zygote has workers of its own.
  while ($worker) {
    $worker = $worker->work();
  }
}, $drupald);
