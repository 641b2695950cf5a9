<?php

namespace Drupald;

/**
 * What a run prints, up to a limit: everything goes to its log, never to the daemon.
 */
class OutputLog {

  /** Appended where the rest was cut off; the daemon looks for the same words. */
  const CUT_MARK = "\n[drupald: the output is longer than its limit; the rest was cut]\n";

  private static $stream;
  private static $left = 0;
  private static $cut = FALSE;
  private static $muted = FALSE;
  private static $last = '';

  /**
   * Starts to collect: an ordinary, removable buffer that passes on every piece at once.
   *
   * In a child of a process that collects already, only the place changes.
   */
  public static function begin($stream, $limit) {
    $begun = self::$stream !== NULL;
    self::$stream = $stream;
    self::$left = $limit;
    self::$cut = FALSE;
    if (!$begun) {
      ob_start(array(__CLASS__, 'handle'), 1);
    }
  }

  /** Output callback: takes all, gives nothing back, so that PHP never sends headers. */
  public static function handle($buffer) {
    self::write($buffer);
    return '';
  }

  /** Writes a line of our own, for instance a PHP notice that Drupal's handler hides. */
  public static function note($line) {
    self::write($line . "\n");
  }

  /** The last that was printed, as plain text on one line; at most 300 characters. */
  public static function last() {
    $text = strip_tags(preg_replace('@<(style|script|title)\b.*?</\1>@si', ' ', self::$last));
    $text = trim(preg_replace('/\s+/', ' ', html_entity_decode($text, ENT_QUOTES, 'UTF-8')));
    return (string) substr($text, -300);
  }

  /** Throws away what is printed from now on: an error page that nobody will see. */
  public static function mute() {
    self::$muted = TRUE;
  }

  private static function write($text) {
    if (!self::$muted) {
      self::$last = substr(self::$last . $text, -4000);
    }
    if (self::$muted || self::$cut || $text === '' || !is_resource(self::$stream)) {
      return;
    }
    $length = strlen($text);
    if ($length > self::$left) {
      self::$cut = TRUE;
      $text = substr($text, 0, self::$left) . self::CUT_MARK;
    }
    self::$left -= $length;
    @fwrite(self::$stream, $text);
  }

}
