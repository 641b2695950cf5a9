<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\OutputLog;

/**
 * Works off the items of one queue, as the site's cron would, told item by item.
 *
 * The daemon is told of an item before its worker is called, so that it can
 * renew the lease, and give the item back should this process die in it.
 */
class QueueRun {

  /** Items after which another process goes on: what they leave in memory must not pile up. */
  const MOST = 500;

  private static $channel;

  private $name;
  private $callback;
  private $queue;
  private $number = 0;
  private $failed = array();
  private $surroundings;

  /** Makes the callback known; called before the module asks whether it can be called. */
  public static function prepare(Channel $channel) {
    self::$channel = $channel;
    require_once __DIR__ . '/QueueInfo.php';
    require_once __DIR__ . '/own-callbacks.php';
  }

  /** @see drupald_queue() */
  public static function run($name, array $options) {
    $workers = QueueInfo::workers();
    $callback = isset($workers[$name]['worker callback']) ? $workers[$name]['worker callback'] : NULL;
    if (!is_callable($callback)) {
      OutputLog::note("The queue $name has no worker that can be called.");
      self::$channel->send(array('type' => 'step', 'name' => '', 'number' => 0, 'of' => 0));
      return;
    }
    $run = new self($name, $callback);
    $run->drain($options);
  }

  private function __construct($name, $callback) {
    $this->name = $name;
    $this->callback = $callback;
    $this->queue = \DrupalQueue::get($name);
    $this->surroundings = array(
      'language' => isset($GLOBALS['language']) ? clone $GLOBALS['language'] : NULL,
      'zone' => date_default_timezone_get(),
      'handle' => background_process_current_handle(),
      'folder' => getcwd(),
    );
  }

  private function drain(array $options) {
    $this->queue->createQueue();
    $end = microtime(TRUE) + $options['seconds'];
    do {
      $this->settleDown();
      $item = $this->queue->claimItem($options['lease']);
      if ($item) {
        $this->work($item);
      }
    } while ($item && $this->number < self::MOST && microtime(TRUE) < $end);
    $this->settleDown();
    foreach ($this->failed as $item) {
      // Not before the end, or this very process would take it again at once.
      $this->queue->releaseItem($item);
    }
    OutputLog::note(sprintf('%d items of %s.', $this->number, $this->name));
    $this->step('');
  }

  private function work($item) {
    $this->number++;
    $words = $this->words($item);
    $this->step($words);
    try {
      if ($this->callback === QueueInfo::PROCESSES) {
        $this->process($item->data);
      }
      else {
        call_user_func($this->callback, $item->data);
      }
    }
    catch (\Exception $error) {
      $this->threw($item, $words, $error);
      return;
    }
    catch (\Throwable $error) {
      $this->threw($item, $words, $error);
      return;
    }
    // Should this process die now, the daemon removes it: it must not run again.
    $this->step("$words .");
    $this->queue->deleteItem($item);
  }

  /**
   * Runs one process that was put into the queue, as its owner.
   *
   * The module drops an item without a word when its process may not begin,
   * and leaves the row behind.
   */
  private function process($data) {
    list($handle, $token) = array_map('rawurldecode', $data);
    $process = background_process_get_process($handle);
    if (!$process || $process->token !== $token) {
      OutputLog::note("The process $handle of this item no longer exists.");
      return;
    }
    if ((int) $process->exec_status === (int) BACKGROUND_PROCESS_STATUS_RUNNING) {
      throw new \RuntimeException("The process $handle runs elsewhere, or has died there.");
    }
    if ($process->uid && !user_load($process->uid)) {
      $this->refuse($process, 'The process was not started: its owner, user ' . $process->uid . ', does not exist.');
      return;
    }
    call_user_func($this->callback, $data);
  }

  /** Ends a process that never may begin. */
  private function refuse($process, $sentence) {
    Settle::endProgress($process->handle, $sentence, microtime(TRUE));
    $loaded = @\BackgroundProcess::load($process);
    if (background_process_remove_process($process->handle, $process->start_stamp)) {
      Settle::invokeHook($loaded, $sentence);
    }
    Settle::log($process->handle, $sentence);
  }

  private function threw($item, $words, $error) {
    $place = $error->getFile() . ':' . $error->getLine();
    $reason = get_class($error) . ': ' . $error->getMessage() . " in $place";
    OutputLog::note("Item $item->item_id of $this->name threw $reason");
    if (\Drupald\Ending::isDatabaseLoss($error)) {
      throw $error;
    }
    Site::rollBack();
    if (substr($words, -4) === ' 0 0') {
      $this->failed[] = $item;
    }
    $this->step("$words !$reason");
    Site::log('An item of the queue %name threw @class: @message in @place', array(
      '%name' => $this->name,
      '@class' => get_class($error),
      '@message' => $error->getMessage(),
      '@place' => $place,
    ), WATCHDOG_ERROR, 'cron');
  }

  /** Number, end of the lease and creation of an item; without lease where the site's database does not hold it. */
  private function words($item) {
    if (QueueInfo::className($this->name) === 'SystemQueue') {
      $row = db_query('SELECT expire, created FROM {queue} WHERE item_id = :id', array(':id' => $item->item_id))->fetchObject();
      if ($row) {
        return "$item->item_id $row->expire $row->created";
      }
    }
    return preg_replace('/\s+/', '-', isset($item->item_id) ? (string) $item->item_id : 'item') . ' 0 0';
  }

  private function step($name) {
    self::$channel->send(array(
      'type' => 'step',
      'name' => self::short($name),
      'number' => $this->number,
      'of' => $this->number,
    ));
  }

  /** A reason may be as long as it likes; a message may not. */
  private static function short($text) {
    return strlen($text) > 2000 ? drupal_truncate_bytes($text, 2000) : $text;
  }

  /** Takes back what one item may have changed for the next one. */
  private function settleDown() {
    $GLOBALS['user'] = drupal_anonymous_user();
    drupal_save_session(FALSE);
    $_SESSION = array();
    db_set_active();
    if (function_exists('_lock_id')) {
      lock_release_all();
    }
    if ($this->surroundings['language']) {
      $GLOBALS['language'] = clone $this->surroundings['language'];
    }
    date_default_timezone_set($this->surroundings['zone']);
    background_process_current_handle($this->surroundings['handle']);
    @chdir($this->surroundings['folder']);
  }

}
