<?php

namespace Drupald\Drupal7;

use Drupald\Ending;

require_once __DIR__ . '/Errand.php';

/**
 * Settles a process whose worker is gone, in a fresh worker.
 *
 * Removes the row if it still carries the dead run's stamp, tells the modules
 * once, ends the progress row, removes the dead run's locks, writes the log.
 */
class Settle extends Errand {

  protected function work() {
    if (!empty($this->job['unlock'])) {
      $this->unlock();
    }
    try {
      $this->settle();
    }
    catch (\Exception $error) {
      $this->leave($error);
    }
    catch (\Throwable $error) {
      $this->leave($error);
    }
  }

  /** The database cannot do it now: the daemon has it done later, by another helper. */
  private function leave($error) {
    if (!Ending::isPassing($error)) {
      throw $error;
    }
    $this->channel->send(array('type' => 'unsettled', 'message' => get_class($error) . ': ' . $error->getMessage()));
  }

  private function settle() {
    $job = $this->job;
    // Should this helper die, what it has asked of the database must not happen later.
    $this->channel->send(array('type' => 'sessions', 'connections' => Site::connectionIds()));
    $sentence = $job['sentence'];
    $row = 'gone';
    $hook = 'none';
    $process = background_process_get_process($job['handle']);
    if ($process && $process->start_stamp === $job['stamp']) {
      if ($sentence !== '') {
        $this->endOwnProgress();
      }
      $process = @\BackgroundProcess::load($process);
      if (!empty($job['hook']) && !empty($job['processFile'])) {
        // Should this helper die behind the next statement, the one that follows knows whom to tell of.
        @file_put_contents($job['processFile'], serialize($process));
      }
      if (background_process_remove_process($job['handle'], $job['stamp'])) {
        $row = 'deleted';
        $hook = empty($job['hook']) ? 'none' : $this->tell($process, $sentence);
      }
      elseif (!empty($job['hookFile'])) {
        // Somebody else was faster, and has told the hook.
        HookMark::begin($job['hookFile']);
      }
    }
    else {
      if ($sentence !== '' && !empty($job['progress'])) {
        $this->endOwnProgress();
      }
      $kept = !empty($job['hook']) && !empty($job['processFile']) ? @file_get_contents($job['processFile']) : FALSE;
      $process = $kept !== FALSE ? @unserialize($kept) : FALSE;
      if ($process) {
        $hook = $this->tell($process, $sentence);
      }
    }
    $locks = empty($job['lock']) || self::removeLocks($job['lock']) ? array() : array('locks' => 'kept');
    if ($sentence !== '') {
      self::log($job['handle'], $sentence);
    }
    $this->channel->send(array('type' => 'settled', 'row' => $row, 'hook' => $hook) + $locks);
  }

  /** The progress is the least of what a run leaves: where it can never be written, the rest is done all the same. */
  private function endOwnProgress() {
    try {
      self::endProgress($this->job['handle'], $this->job['sentence'], $this->job['endedAt']);
    }
    catch (\Exception $error) {
      if (Ending::isPassing($error)) {
        throw $error;
      }
      self::log($this->job['handle'], 'Its progress could not be ended: ' . $error->getMessage());
    }
  }

  /** Has the module unlock a process that another service host ran, if its row still carries the stamp. */
  private function unlock() {
    $job = $this->job;
    $process = background_process_get_process($job['handle']);
    $unlocked = FALSE;
    if ($process && $process->start_stamp === $job['stamp']) {
      $this->channel->send(array('type' => 'hook', 'state' => 'begun'));
      $unlocked = $this->unlockByModule($process);
      $this->channel->send(array('type' => 'hook', 'state' => 'done'));
    }
    if ($unlocked) {
      self::endProgress($job['handle'], $job['sentence'], $job['endedAt']);
      self::log($job['handle'], $job['sentence']);
    }
    $this->channel->send(array('type' => 'settled', 'row' => $unlocked ? 'deleted' : 'gone', 'hook' => $unlocked ? 'done' : 'none'));
    exit(0);
  }

  private function unlockByModule($process) {
    try {
      return (bool) background_process_unlock($process->handle, $this->job['sentence'], $this->job['stamp']);
    }
    catch (\Exception $error) {
      self::hookThrew($process, $error);
    }
    catch (\Throwable $error) {
      self::hookThrew($process, $error);
    }
    // What a module throws is thrown by its hook, which is told after the row is gone.
    return !background_process_get_process($process->handle);
  }

  private function tell($process, $sentence) {
    $mark = isset($this->job['hookFile']) ? $this->job['hookFile'] : '';
    $this->channel->send(array('type' => 'hook', 'state' => 'begun'));
    if (HookMark::begin($mark)) {
      self::invokeHook($process, $sentence);
      HookMark::done($mark);
    }
    elseif (!HookMark::isDone($mark)) {
      // It was ended in the middle, or goes on in a worker of a daemon that is gone.
      return 'none';
    }
    $this->channel->send(array('type' => 'hook', 'state' => 'done'));
    return 'done';
  }

  /** Calls hook_background_process_shutdown() once; what it throws is only logged. */
  public static function invokeHook($process, $sentence) {
    try {
      if ($sentence === '') {
        module_invoke_all('background_process_shutdown', $process);
      }
      else {
        module_invoke_all('background_process_shutdown', $process, $sentence);
      }
    }
    catch (\Exception $error) {
      self::hookThrew($process, $error);
    }
    catch (\Throwable $error) {
      self::hookThrew($process, $error);
    }
  }

  private static function hookThrew($process, $error) {
    Site::log('%handle: hook_background_process_shutdown() threw @class: @message', array(
      '%handle' => $process->handle,
      '@class' => get_class($error),
      '@message' => $error->getMessage(),
    ), WATCHDOG_ERROR);
  }

  /**
   * Ends the progress row of a run that ended badly: its fraction stays.
   *
   * Fenced by time: a run that was started anew has a younger row.
   */
  public static function endProgress($handle, $sentence, $ended_at) {
    Site::processConnection()->query(
      'UPDATE {progress} SET message = :message, end_stamp = :now WHERE name = :name AND end_stamp = 0 AND start_stamp <= :ended',
      array(':message' => self::storable($sentence), ':now' => microtime(TRUE), ':name' => $handle, ':ended' => $ended_at)
    );
  }

  /** A text that also a table takes which knows no signs beyond Unicode's first plane, as most of Drupal 7. */
  private static function storable($text) {
    $plain = preg_replace('/[\x{10000}-\x{10ffff}]/u', "\xef\xbf\xbd", $text);
    return $plain === NULL ? preg_replace('/[^\x20-\x7e]/', '?', $text) : $plain;
  }

  /** FALSE: the database cannot do it now. */
  private static function removeLocks($lock) {
    try {
      \Database::getConnection('default', 'default')->query('DELETE FROM {semaphore} WHERE value = :id', array(':id' => $lock));
    }
    catch (\Exception $error) {
      // A site whose locks live elsewhere may have no such table.
      return !Ending::isPassing($error);
    }
    return TRUE;
  }

  /** The line in Drupal's log that says how a process ended. */
  public static function log($handle, $sentence) {
    Site::log('Process %handle: @sentence', array('%handle' => $handle, '@sentence' => $sentence), WATCHDOG_ERROR);
  }

}
