<?php

namespace Drupald\Drupal7;

require_once __DIR__ . '/Errand.php';

/**
 * Asks queues that are not kept in the site's database how many items they hold.
 */
class QueueCounts extends Errand {

  protected function work() {
    $counts = array();
    foreach ($this->job['queues'] as $name) {
      $counts[] = array('name' => $name) + $this->ask($name);
    }
    $this->channel->send(array('type' => 'counts', 'queues' => $counts));
  }

  private function ask($name) {
    try {
      $queue = \DrupalQueue::get($name);
      // As cron does it before each run.
      $queue->createQueue();
      return array('count' => (int) $queue->numberOfItems());
    }
    catch (\Exception $error) {
      return array('problem' => get_class($error) . ': ' . $error->getMessage());
    }
    catch (\Throwable $error) {
      return array('problem' => get_class($error) . ': ' . $error->getMessage());
    }
  }

}
