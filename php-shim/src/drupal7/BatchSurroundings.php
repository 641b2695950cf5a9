<?php

namespace Drupald\Drupal7;

/**
 * The language and the theme in which a batch was started, for its operations.
 */
class BatchSurroundings {

  public static function enter(array &$batch) {
    self::enterLanguage($batch);
    self::enterTheme($batch);
  }

  /** The first process of a batch has the language of the page that started it; one that goes on with it may not. */
  private static function enterLanguage(array &$batch) {
    if (!isset($GLOBALS['language']->language)) {
      return;
    }
    if (!isset($batch[BatchFailures::KEY]['language'])) {
      $GLOBALS['language'] = self::languageOfPage($batch);
      $batch[BatchFailures::KEY]['language'] = $GLOBALS['language']->language;
      return;
    }
    $languages = language_list();
    $name = $batch[BatchFailures::KEY]['language'];
    if ($name !== $GLOBALS['language']->language && isset($languages[$name])) {
      $GLOBALS['language'] = $languages[$name];
    }
  }

  /** That of the page which started it, as the address of its own page has it; this process may have been begun by no page. */
  private static function languageOfPage(array $batch) {
    $text = isset($batch['error_message']) ? $batch['error_message'] : '';
    foreach (language_list() as $language) {
      if ($language->prefix !== '' && preg_match('@[/=]' . preg_quote($language->prefix, '@') . '/batch(\?|&)@', $text)) {
        return $language;
      }
    }
    return $GLOBALS['language'];
  }

  /** As the core's page of a batch has it. */
  private static function enterTheme(array $batch) {
    if (empty($batch['theme']) || !isset($GLOBALS['theme_key']) || $batch['theme'] === $GLOBALS['theme_key'] || !drupal_theme_access($batch['theme'])) {
      return;
    }
    $custom = &drupal_static('menu_get_custom_theme');
    $custom = $batch['theme'];
    unset($custom, $GLOBALS['theme'], $GLOBALS['theme_key']);
    drupal_static_reset('theme_get_registry');
    drupal_theme_initialize();
  }

}
