<?php

namespace Drupald\Drupal7;

/**
 * Whether a process may begin, as the module and Drupal's menu system decide it.
 */
class Admission {

  /**
   * Asks for the owner's access, and becomes that owner.
   *
   * @param bool $offline_too
   *   Whether it may begin in maintenance mode: it belongs to something that goes on.
   *
   * @return array|null
   *   The message of type "refused" or "postponed" for the daemon; NULL: it may begin.
   */
  public static function refusal($handle, $token, $offline_too = FALSE) {
    $item = menu_get_item();
    if ($item && isset($item['page_callback']) && $item['page_callback'] === 'background_process_service_start') {
      $access = !empty($item['access']);
    }
    else {
      $access = background_process_service_access(rawurlencode($handle), $token);
    }
    if (!$access) {
      return array('type' => 'refused') + self::reason($handle, $token);
    }
    if ($offline_too) {
      return NULL;
    }
    $offline = _menu_site_is_offline(TRUE);
    $status = $offline ? MENU_SITE_OFFLINE : MENU_SITE_ONLINE;
    $path = $_GET['q'];
    drupal_alter('menu_site_status', $status, $path);
    if ($status !== MENU_SITE_ONLINE) {
      return array('type' => 'postponed', 'reason' => $offline ? 'maintenance' : 'site-status');
    }
    return NULL;
  }

  /**
   * Why a process may not begin.
   *
   * @return array
   *   The reason in one word and in a sentence.
   */
  public static function reason($handle, $token) {
    $process = background_process_get_process($handle);
    if (!$process) {
      return array('reason' => 'gone', 'sentence' => 'The process no longer exists.');
    }
    if ($process->token !== $token) {
      return array('reason' => 'token', 'sentence' => 'The process was started anew under another token.');
    }
    if ($process->uid && !user_load($process->uid)) {
      return array(
        'reason' => 'owner',
        'sentence' => 'The process was not started: its owner, user ' . $process->uid . ', does not exist.',
      );
    }
    return array('reason' => 'denied', 'sentence' => 'The site refused the start without saying why.');
  }

}
