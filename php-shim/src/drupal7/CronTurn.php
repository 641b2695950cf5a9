<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\OutputLog;

/**
 * The turn of a module in a cron run, as a process of its own.
 *
 * The run itself waits in the site's own drupal_cron_run() and keeps the lock.
 * It calls the hook itself where no process can be had: the daemon is gone, or
 * about to go.
 */
class CronTurn {

  /** Seconds after which the database is asked for something, so that it does not end an idle connection. */
  const IDLE = 10;

  private $channel;

  public function __construct(Channel $channel) {
    $this->channel = $channel;
  }

  /** Calls the hook, in its own process. */
  public static function run($module) {
    // What the core allows a whole run of it.
    drupal_set_time_limit(240);
    // Hooks may stand in files that are loaded when somebody asks for their list.
    module_implements('cron');
    if (module_hook($module, 'cron')) {
      module_invoke($module, 'cron');
    }
  }

  /**
   * Has the hook of a module called in a process of its own, and waits for its end.
   *
   * @return bool
   *   FALSE: it has not been called.
   */
  public function take($module) {
    $asked = microtime(TRUE);
    if (!$this->channel->isOpen() || !$this->channel->send(array('type' => 'turn', 'module' => $module))) {
      return FALSE;
    }
    $answer = $this->answer();
    if (!$answer) {
      return $this->follow($module, $asked);
    }
    if ($answer['type'] === 'turn-refused') {
      OutputLog::note($module . '_cron(): no process of its own, because ' . $answer['reason']);
      return FALSE;
    }
    OutputLog::note(rtrim(sprintf('%s_cron(): %.3f s, %s. %s', $module, microtime(TRUE) - $asked, $answer['outcome'], $answer['sentence'])));
    return TRUE;
  }

  /** What the daemon says of the turn; NULL: it is gone. */
  private function answer() {
    while ($this->channel->isOpen()) {
      $answer = $this->channel->receive(self::IDLE);
      if ($answer && isset($answer['type']) && strpos($answer['type'], 'turn-') === 0) {
        return $answer;
      }
      $this->ask();
    }
    return NULL;
  }

  /** Waits for a process that nobody tells of any more: for its row to go. */
  private function follow($module, $asked) {
    $handle = 'drupald_cron:' . $module;
    // As long as the lock is ours for certain: nobody renews it now.
    $until = microtime(TRUE) + (int) variable_get('cron_lock_expiration_timeout', 900);
    $seen = FALSE;
    while (($there = (bool) background_process_get_process($handle)) && microtime(TRUE) < $until) {
      $seen = TRUE;
      sleep(1);
    }
    if (!$seen) {
      // It may have run, and ended, before anybody could say so.
      $seen = (bool) Site::processConnection()->query(
        'SELECT 1 FROM {progress} WHERE name = :name AND start_stamp >= :asked',
        array(':name' => $handle, ':asked' => $asked)
      )->fetchField();
    }
    OutputLog::note($module . '_cron(): ' . ($there ? 'its process goes on' : ($seen ? 'its process has ended' : 'it got no process of its own')) . ', and no daemon is there');
    return $seen;
  }

  /** Says to every database that this process is still there. */
  private function ask() {
    try {
      Site::connectionIds();
    }
    catch (\Exception $lost) {
      // Whoever needs it next finds out.
      return;
    }
  }

}
