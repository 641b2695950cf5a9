import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadPHPRuntime, PHP } from '@php-wasm/universal';
import { getPHPLoaderModule as loader72 } from '@php-wasm/node-7-2';
import { getPHPLoaderModule as loader84 } from '@php-wasm/node-8-4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SHIM = new URL('../php-shim/', import.meta.url).pathname;

/** What the 7 adapter builds upon; its own code is only declared here, never run. */
const DRUPAL =
  '<?php class DatabaseLog { public function log(DatabaseStatementInterface $s, $a, $t) {} } interface DatabaseStatementInterface {}' +
  ' class BackgroundBatchContext extends ArrayObject {}';

const files = readdirSync(SHIM, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.php'))
  .sort();

describe.each([
  ['7.2', loader72],
  ['8.4', loader84],
])('the shim on PHP %s', (version, loader) => {
  let php: PHP;

  beforeAll(async () => {
    php = new PHP(await loadPHPRuntime(await loader(), {}));
    for (const name of files) {
      php.mkdir(join('/shim', dirname(name)));
      php.writeFile(join('/shim', name), readFileSync(join(SHIM, name)));
    }
    php.writeFile('/drupal.php', DRUPAL);
  });

  afterAll(() => {
    php.exit();
  });

  /** Runs PHP code that ends with a `return`, with every notice turned into an exception. */
  async function value(code: string): Promise<unknown> {
    const { text } = await php.run({
      code: `<?php error_reporting(E_ALL); set_error_handler(function ($n, $m, $f, $l) { throw new ErrorException($m, 0, $n, $f, $l); });
        $value = (function () { ${code} })(); echo json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);`,
    });
    return JSON.parse(text);
  }

  const load = (...names: string[]): string => names.map((name) => `require_once '/shim/src/${name}.php';`).join(' ');

  it('is the version that it says', async () => {
    expect(await value('return PHP_VERSION;')).toMatch(new RegExp(`^${version.replace('.', '\\.')}\\.`));
  });

  it.each(files.filter((name) => name !== 'drupald.php'))('loads %s without a word', async (name) => {
    expect(
      await value(`ob_start(); require_once '/drupal.php'; require_once '/shim/${name}'; return ob_get_clean();`),
    ).toBe('');
  });

  it('takes hold of a static variable inside a function', async () => {
    expect(
      await value(`${load('StaticVariable')}
        if (!function_exists('fixture_path')) {
          function fixture_path($text) { static $path; if (isset($path)) { return $path; } $path = strtok($text, '?'); $path = trim($path, '/'); return $path; }
          function fixture_other($text) { static $kept; $kept = 'kept'; return trim($text); }
        }
        $read = 0;
        $path = new \\Drupald\\StaticVariable('fixture_path', 'path', '/first/?x', function () use (&$read) { $read++; });
        $none = new \\Drupald\\StaticVariable('fixture_other', 'path', 'x', function () {});
        fixture_other($none);
        $seen = array(fixture_path($path));
        foreach (array('second', 'third') as $next) { $path->set($next); $seen[] = fixture_path('ignored'); }
        return array($seen, $path->isHeld(), fixture_path(''), $none->isHeld(), $read);`),
    ).toEqual([['first', 'second', 'third'], true, 'third', false, 1]);
  });

  it('refuses to run by itself', async () => {
    php.writeFile('/alone.php', "<?php require '/shim/drupald.php';");
    await expect(php.run({ scriptPath: '/alone.php' })).rejects.toThrow(/exit code 2\b[^]*does nothing by itself/);
  });

  it('writes messages of any bytes as one line of JSON', async () => {
    const lines = await value(`${load('Channel')}
      return array(
        \\Drupald\\Channel::encode(array('type' => 'x', 'text' => "a\\nb/é")),
        \\Drupald\\Channel::encode(array('type' => 'x', 'deep' => array('text' => "caf\\xe9"))),
      );`);
    expect((lines as string[]).map((line) => JSON.parse(line) as unknown)).toEqual([
      { type: 'x', text: 'a\nb/é' },
      { type: 'x', deep: { text: 'caf?' } },
    ]);
    for (const line of lines as string[]) expect(line).not.toContain('\n');
  });

  it('says how a run ended', async () => {
    const endings = (await value(`${load('Ending')}
      $ending = '\\\\Drupald\\\\Ending';
      $fatal = function ($message) use ($ending) {
        return $ending::fatal(array('type' => E_ERROR, 'message' => $message, 'file' => '/f.php', 'line' => 3), 'cb');
      };
      return array(
        $ending::completed(),
        $ending::threw(new \\TypeError("bad\\nsecond line"), 'cb'),
        $fatal('Call to undefined function x()'),
        $fatal('Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)'),
        $fatal('Maximum execution time of 30 seconds exceeded'),
        $ending::notCallable('gone'),
        $ending::fatal(array('type' => E_NOTICE, 'message' => 'n', 'file' => 'f', 'line' => 1), 'cb'),
        $ending::fatal(NULL, 'cb'),
      );`)) as ({ kind: string; sentence: string } | null)[];
    expect(endings.map((ending) => ending?.kind ?? null)).toEqual([
      'completed',
      'threw',
      'fatal',
      'out-of-memory',
      'timed-out',
      'not-callable',
      null,
      null,
    ]);
    expect(endings[1]?.sentence).toMatch(/^The callback cb threw TypeError: bad \(/);
    expect(endings[3]?.sentence).toContain('128 MB');
    expect(endings[4]?.sentence).toContain('30 CPU seconds');
  });

  it('names callbacks of every form', async () => {
    expect(
      await value(`${load('Ending')}
        $name = function ($callback) { return \\Drupald\\Ending::callbackName($callback); };
        return array($name('f'), $name('C::m'), $name(array('C', 'm')), $name(array(new \\ArrayObject(), 'm')), $name(3), $name(NULL), $name(array()));`),
    ).toEqual(['f', 'C::m', 'C::m', 'ArrayObject->m', 'of type integer', 'of type NULL', 'of type array']);
  });
});
