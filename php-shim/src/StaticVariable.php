<?php

namespace Drupald;

/**
 * A static variable inside a function of the site, made writable.
 *
 * A few functions of Drupal keep what they found out about the request in a
 * static variable that nothing can reset. PHP shows such variables by
 * reflection, as copies; but while the function runs, the variable is a
 * reference, and the copy then shares it. So a text that the function turns into
 * a string, asked for in that moment, can take hold of it.
 */
class StaticVariable {

  private $function;
  private $name;
  private $text;
  private $read;
  private $held = FALSE;
  private $value;

  /**
   * @param string $function
   *   Name of the function.
   * @param string $name
   *   Name of its static variable.
   * @param string $text
   *   What the function reads when it uses this object as a string.
   * @param callable $read
   *   Called when it does, to take this object away again.
   */
  public function __construct($function, $name, $text, $read) {
    $this->read = $read;
    $this->function = $function;
    $this->name = $name;
    $this->text = $text;
  }

  /** Called by PHP while the function runs. */
  public function __toString() {
    if (!$this->held) {
      $function = new \ReflectionFunction($this->function);
      $variables = $function->getStaticVariables();
      if (array_key_exists($this->name, $variables)) {
        $this->value = &$variables[$this->name];
        $this->held = TRUE;
      }
    }
    call_user_func($this->read);
    return $this->text;
  }

  /** Changes it. */
  public function set($value) {
    $this->value = $value;
  }

  /**
   * Whether changes reach it.
   *
   * @return bool
   *   FALSE: the function did not use the text, or this PHP does not share it.
   */
  public function isHeld() {
    if (!$this->held) {
      return FALSE;
    }
    $value = $this->value;
    $this->value = 'drupald';
    $function = new \ReflectionFunction($this->function);
    $variables = $function->getStaticVariables();
    $held = $variables[$this->name] === 'drupald';
    $this->value = $value;
    return $held;
  }

}
