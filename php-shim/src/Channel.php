<?php

namespace Drupald;

/**
 * One connection to the daemon: newline-delimited JSON over a Unix socket.
 *
 * Sending never fails the caller: a daemon that is gone must not disturb the
 * run. Whoever needs to know asks isOpen().
 */
class Channel {

  /** Version of the messages; the daemon refuses another one. */
  const VERSION = 1;

  private $socket;
  private $buffer = '';
  private $held = '';
  private $spool;
  private $record;
  private $said = '';
  private $open = TRUE;

  /**
   * Connects, for at most $timeout seconds.
   *
   * @throws \RuntimeException
   *   When nobody listens.
   */
  public function __construct($path, $timeout = 5) {
    $socket = @stream_socket_client('unix://' . $path, $errno, $error, $timeout);
    if (!$socket) {
      throw new \RuntimeException("cannot reach the daemon at $path: $error");
    }
    $this->socket = $socket;
  }

  /** The stream, for stream_select(). */
  public function stream() {
    return $this->socket;
  }

  public function isOpen() {
    return $this->open;
  }

  /**
   * From now on what cannot be sent is written to a file, for the next daemon.
   *
   * With all that was sent since this call: the daemon may have died before it
   * read the last of it.
   */
  public function spoolTo($file) {
    $this->spool = $file;
    $this->said = '';
  }

  private function spool($lines) {
    if ($this->spool !== NULL) {
      @file_put_contents($this->spool, $this->said . $lines, FILE_APPEND);
      $this->said = '';
    }
    return FALSE;
  }

  /** Sends a message together with the next one: each wakes the daemon, and this one can wait. */
  public function hold(array $message) {
    $this->held .= self::encode($message) . "\n";
  }

  /**
   * Sends a message that has to outlive this process and the daemon: it is written down first.
   *
   * What was written to a file is there whoever is killed next; what was sent
   * may be on its way when the one that was to read it dies.
   */
  public function vouch(array $message) {
    $line = self::encode($message) . "\n";
    if ($this->spool !== NULL) {
      if (!is_resource($this->record)) {
        $this->record = @fopen($this->spool, 'a');
      }
      if ($this->record && @fwrite($this->record, $line) === strlen($line)) {
        return $this->write($line, FALSE);
      }
    }
    return $this->write($line, TRUE);
  }

  /** Sends one message; FALSE when the daemon is gone. */
  public function send(array $message) {
    return $this->write(self::encode($message) . "\n", TRUE);
  }

  /**
   * @param bool $spools
   *   Whether these lines are written down when they cannot be sent; all that
   *   was sent before always is.
   */
  private function write($lines, $spools) {
    $line = $this->held . $lines;
    $lines = $this->held . ($spools ? $lines : '');
    $this->held = '';
    // A callback may have closed every stream that PHP knows.
    if (!$this->open || !is_resource($this->socket)) {
      return $this->spool($lines);
    }
    while ($line !== '') {
      $written = @fwrite($this->socket, $line);
      if ($written === FALSE || $written === 0) {
        $this->open = FALSE;
        return $this->spool($lines);
      }
      $line = (string) substr($line, $written);
    }
    if ($this->spool !== NULL) {
      $this->said .= $lines;
    }
    return TRUE;
  }

  /**
   * Waits for the next message, at most $timeout seconds (NULL: for ever).
   *
   * @return array|null
   *   NULL when the time is over or the daemon has closed; see isOpen().
   */
  public function receive($timeout = NULL) {
    $until = $timeout === NULL ? NULL : microtime(TRUE) + $timeout;
    while (TRUE) {
      $message = $this->next();
      if ($message !== NULL || !$this->open) {
        return $message;
      }
      $left = $until === NULL ? 60 : max(0, $until - microtime(TRUE));
      $this->wait($left);
      if ($until !== NULL && microtime(TRUE) >= $until) {
        return $this->next();
      }
    }
  }

  /** Waits up to $seconds for something to read and reads it. A signal ends the wait early. */
  public function wait($seconds) {
    if (!is_resource($this->socket)) {
      $this->open = FALSE;
      return;
    }
    $read = array($this->socket);
    $write = $except = NULL;
    $ready = @stream_select($read, $write, $except, (int) $seconds, (int) (($seconds - (int) $seconds) * 1000000));
    if (!$ready) {
      return;
    }
    $chunk = @fread($this->socket, 65536);
    if ($chunk === '' || $chunk === FALSE) {
      $this->open = FALSE;
      return;
    }
    $this->buffer .= $chunk;
  }

  /** The next message that has already arrived, or NULL. */
  public function next() {
    $end = strpos($this->buffer, "\n");
    if ($end === FALSE) {
      return NULL;
    }
    $line = substr($this->buffer, 0, $end);
    $this->buffer = (string) substr($this->buffer, $end + 1);
    $message = json_decode($line, TRUE);
    return is_array($message) ? $message : array('type' => 'malformed');
  }

  /** Closes this process's copy; in a forked child the parent's stays open. */
  public function close() {
    if (is_resource($this->socket)) {
      @fclose($this->socket);
      $this->socket = NULL;
    }
    $this->open = FALSE;
  }

  /** JSON of a message whose strings may hold any bytes. */
  public static function encode(array $message) {
    $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE;
    $json = json_encode($message, $flags);
    if ($json === FALSE) {
      // Exception texts of old code can be in any encoding.
      array_walk_recursive($message, function (&$value) {
        if (is_string($value) && !preg_match('//u', $value)) {
          $value = preg_replace('/[^\x09\x0a\x20-\x7e]/', '?', $value);
        }
      });
      $json = json_encode($message, $flags | JSON_PARTIAL_OUTPUT_ON_ERROR);
    }
    return $json;
  }

}
