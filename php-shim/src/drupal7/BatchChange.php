<?php

namespace Drupald\Drupal7;

require_once __DIR__ . '/Errand.php';

/**
 * Ends a batch that does not run, or lets one go on that was ended.
 */
class BatchChange extends Errand {

  protected function work() {
    require_once DRUPAL_ROOT . '/includes/batch.inc';
    BatchPlace::load();
    $bid = $this->job['bid'];
    BatchLimits::allow($bid);
    $data = db_query('SELECT batch FROM {batch} WHERE bid = :bid', array(':bid' => $bid))->fetchField();
    $batch = $data ? unserialize($data) : NULL;
    $result = 'gone';
    if (isset($batch['sets'], $batch['id'])) {
      $batch += array(BatchFailures::KEY => array());
      $over = isset($batch[BatchFailures::KEY]['over']) ? $batch[BatchFailures::KEY]['over'] : '';
      $result = $this->job['action'] === 'cancel' ? $this->cancel($batch, $over) : $this->goOn($batch, $over);
    }
    $this->channel->send(array('type' => 'batch', 'result' => $result));
  }

  private function cancel(array $batch, $over) {
    $set = $batch['sets'][$batch['current_set']];
    if ($over !== '' || (empty($set['count']) && !empty($set['success']))) {
      return $over === '' ? 'done' : $over;
    }
    BatchSets::mend($batch);
    $before = $batch;
    BatchEnd::stop($batch, check_plain($this->job['text']));
    $batch[BatchFailures::KEY]['run'] = 0;
    BatchMessages::append($batch);
    if (!BatchSave::write($batch, array())) {
      return 'gone';
    }
    $progress = new BatchProgress($batch['id']);
    // Its process may have told of operations that were not saved yet.
    $progress->restart($before);
    $progress->complete();
    return 'changed';
  }

  private function goOn(array $batch, $over) {
    if ($over === 'done' || $over === 'finished') {
      return $over;
    }
    if ($over === 'stopped') {
      BatchEnd::undo($batch);
    }
    // Also one that runs into the same failure again gets all of its retries.
    unset($batch[BatchFailures::KEY]['failed'], $batch[BatchFailures::KEY]['times'], $batch[BatchFailures::KEY]['why'], $batch[BatchFailures::KEY]['run']);
    if (!BatchSave::write($batch, array())) {
      return 'gone';
    }
    $progress = new BatchProgress($batch['id']);
    $progress->restart($batch);
    return 'changed';
  }

}
