<?php

namespace Drupald\Drupal7;

use Drupald\Channel;
use Drupald\Ending;
use Drupald\OutputLog;

/**
 * Works off the items of one queue, as the site's cron would, told item by item.
 *
 * The daemon is told of an item before it is claimed, so that it can renew the
 * lease, and give the item back should this process die in it.
 */
class QueueRun {

  /** Items after which another process goes on: what they leave in memory must not pile up. */
  const MOST = 500;

  private static $channel;

  private $name;
  private $callback;
  private $queue;
  private $isTable;
  private $number = 0;
  private $words = '';
  private $hasRun = FALSE;
  private $works;
  private $failed = array();
  private $surroundings;
  private $pid;

  /** Makes the callback known; called before the module asks whether it can be called. */
  public static function prepare(Channel $channel) {
    self::$channel = $channel;
    require_once __DIR__ . '/QueueInfo.php';
    require_once __DIR__ . '/QueuedProcess.php';
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
    $this->pid = getmypid();
    $this->isTable = QueueInfo::className($name) === 'SystemQueue';
    $this->surroundings = array(
      'language' => isset($GLOBALS['language']) ? clone $GLOBALS['language'] : NULL,
      'zone' => date_default_timezone_get(),
      'handle' => background_process_current_handle(),
      'folder' => getcwd(),
    );
  }

  private function drain(array $options) {
    register_shutdown_function(array($this, 'shutdown'));
    $this->queue->createQueue();
    $end = microtime(TRUE) + $options['seconds'];
    do {
      $this->settleDown();
      $item = $this->mayGoOn() ? $this->claim($options['lease']) : FALSE;
      if ($item) {
        $this->work($item);
      }
    } while ($item && $this->number < self::MOST && microtime(TRUE) < $end);
    $this->settleDown();
    $this->release();
    OutputLog::note(sprintf('%d items of %s.', $this->number, $this->name));
    $this->tell('');
  }

  /** Whether another item may be begun: the daemon has not had enough, and is there, or nobody would renew the lease. */
  private function mayGoOn() {
    self::$channel->wait(0);
    while ($message = self::$channel->next()) {
      if (isset($message['type']) && $message['type'] === 'enough') {
        return FALSE;
      }
    }
    return self::$channel->isOpen();
  }

  /** The next item; of the site's table still with its data as text. */
  private function claim($lease) {
    if ($this->isTable) {
      return $this->claimRow($lease);
    }
    $item = $this->queue->claimItem($lease);
    if ($item) {
      $this->number++;
      $this->words = preg_replace('/\s+/', '-', isset($item->item_id) ? (string) $item->item_id : 'item') . ' 0 0';
      // Nobody else could find out which process it is.
      $handle = $this->callback === QueueInfo::PROCESSES && is_array($item->data) ? ' @' . rawurldecode((string) reset($item->data)) : '';
      $this->tell($this->words . $handle);
    }
    return $item;
  }

  /**
   * As SystemQueue::claimItem() does it, but told before: a process that dies
   * right behind the claim, or while the data is read, has not died unheard.
   */
  private function claimRow($lease) {
    while (TRUE) {
      $item = db_query('SELECT item_id, data, created FROM {queue} q WHERE expire = 0 AND name = :name ORDER BY created, item_id ASC LIMIT 1', array(':name' => $this->name))->fetchObject();
      if (!$item) {
        return FALSE;
      }
      $expire = time() + $lease;
      $this->words = "$item->item_id $expire $item->created";
      $this->tell($this->words);
      $claim = db_query('UPDATE {queue} SET expire = :expire WHERE item_id = :id AND expire = 0', array(':expire' => $expire, ':id' => $item->item_id));
      if ($claim->rowCount() > 0) {
        $this->number++;
        return $item;
      }
    }
  }

  /** Returns what has failed to a queue that is kept elsewhere. Not before the end, or this very process would take it again at once. */
  private function release() {
    foreach ($this->failed as $item) {
      $this->queue->releaseItem($item);
    }
    $this->failed = array();
  }

  private function work($item) {
    $this->hasRun = FALSE;
    $this->works = $item;
    try {
      if ($this->isTable) {
        $item->data = unserialize($item->data);
      }
      if ($this->callback === QueueInfo::PROCESSES) {
        QueuedProcess::run($item->data, array($this, 'ran'));
      }
      else {
        call_user_func($this->callback, $item->data);
      }
    }
    catch (\Exception $error) {
      $this->threw($item, $error);
      return;
    }
    catch (\Throwable $error) {
      $this->threw($item, $error);
      return;
    }
    $this->ran();
    $this->works = NULL;
    $this->queue->deleteItem($item);
  }

  /** The item must not run again: should this process die now, or its database be gone, the daemon removes it. */
  public function ran() {
    if (!$this->hasRun) {
      $this->hasRun = TRUE;
      self::$channel->vouch($this->step($this->words . ' .'));
    }
  }

  /** PHP ends in the middle of an item: which code an exit() had, only the parent of this process learns, if it lives. */
  public function shutdown() {
    if (getmypid() !== $this->pid) {
      return;
    }
    $exits = $this->works && !$this->hasRun && !Ending::fatal(error_get_last(), '');
    if ($exits) {
      $this->tell($this->words . ' ~');
    }
    if (!$this->isTable) {
      $this->leaveElsewhere($exits);
    }
  }

  /**
   * Nobody but this process can return, or remove, what it has claimed in a queue that is kept elsewhere.
   *
   * The item that it ends in stays claimed: those behind it have to get their turn.
   */
  private function leaveElsewhere($exits) {
    try {
      if ($exits && $this->callback === QueueInfo::PROCESSES) {
        $this->queue->deleteItem($this->works);
      }
      $this->release();
    }
    catch (\Exception $error) {
      OutputLog::note('What was claimed could not be returned: ' . $error->getMessage());
    }
    catch (\Throwable $error) {
      OutputLog::note('What was claimed could not be returned: ' . $error->getMessage());
    }
  }

  private function threw($item, $error) {
    $this->works = NULL;
    $place = $error->getFile() . ':' . $error->getLine();
    $reason = get_class($error) . ': ' . $error->getMessage() . " in $place";
    OutputLog::note('Item ' . strtok($this->words, ' ') . " of $this->name threw $reason");
    if ($this->hasRun || Ending::isDatabaseLoss($error)) {
      // A process whose callback returned is settled by the daemon.
      throw $error;
    }
    Site::rollBack();
    if (!$this->isTable) {
      $this->failed[] = $item;
    }
    $this->tell("$this->words !$reason");
    Site::log('An item of the queue %name threw @class: @message in @place', array(
      '%name' => $this->name,
      '@class' => get_class($error),
      '@message' => $error->getMessage(),
      '@place' => $place,
    ), WATCHDOG_ERROR, 'cron');
  }

  /**
   * Says what is done next, or what came of it.
   *
   * Of an item these are its number, the end of its lease and its creation,
   * both 0 where the site's database does not hold it; nothing: it is through.
   */
  private function tell($words) {
    self::$channel->vouch($this->step($words));
  }

  private function step($words) {
    return array(
      'type' => 'step',
      // A reason may be as long as it likes; a message may not.
      'name' => strlen($words) > 2000 ? drupal_truncate_bytes($words, 2000) : $words,
      'number' => $this->number,
      'of' => $this->number,
    );
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
