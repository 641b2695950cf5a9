import { describe, expect, it } from 'vitest';

import { formatHistory, historyQuery } from '../../src/cli/history.js';
import { printableLines } from '../../src/cli/io.js';
import { formatMoment } from '../../src/cli/moment.js';
import { runCommandLine } from '../../src/cli/program.js';
import { formatShown } from '../../src/cli/show.js';
import { endedRun } from '../outcome/history-fakes.js';

const ended = Date.parse('2026-03-15T12:00:00Z') / 1000;

describe('historyQuery', () => {
  it('says what is asked for', () => {
    const query = historyQuery(
      { callback: 'a_*', outcome: 'threw, fatal', since: '1 h', site: 'http://a', limit: '7' },
      3_600_000 + 5_000,
    );
    expect(Object.fromEntries(query)).toEqual({
      callback: 'a_*',
      site: 'http://a',
      outcome: 'threw,fatal',
      since: '5',
      limit: '7',
    });
    expect(historyQuery({}).toString()).toBe('limit=50');
  });

  it.each([
    [['history', '--outcome', 'trew'], 'did you mean "threw"'],
    [['history', '--outcome', ','], 'one or more of completed'],
    [['history', '--since', 'soon'], 'a length of time with its unit or a date'],
    [['history', '--limit', '0'], 'a whole number from 1 to 10000'],
    [['logs', 'a', '--lines', 'x'], 'a whole number from 0'],
    [['kill', 'a', '--reason', 'x'.repeat(1_001)], 'a text of at most 1000 signs'],
  ])('%j ends with 2, a sentence and a remedy', async (args, sentence) => {
    let err = '';
    const write = (text: string | Uint8Array): boolean => ((err += String(text)), true);
    const io = { stdout: { write }, stderr: { write }, env: { HOME: '/nowhere' }, cwd: '/' };
    expect(await runCommandLine(args, io)).toBe(2);
    expect(err).toContain(sentence);
    expect(err).toMatch(/\nWrite it for example as --.* \[DRUPALD_OPTION_INVALID\]\n$/);
  });
});

describe('what people see', () => {
  const bad = endedRun('2', ended, {
    outcome: 'threw',
    sentence: 'It threw \u001b[2J.',
    class: 'RuntimeException',
    file: '/a.inc',
    line: 7,
    peakKb: 2048,
    cpuMs: 1_500,
    attempts: 2,
    cancelledBy: 'anna',
    isolation: 'fresh',
  });

  it('of past runs', () => {
    const text = formatHistory({ runs: [bad, endedRun('1', ended - 5, { started: undefined })] }, false);
    const [head = '', first = '', second = ''] = text.split('\n');
    expect(head).toMatch(/^ENDED +HANDLE +CALLBACK +OUTCOME +WAITED +RAN +CAUSE$/);
    expect(first).toBe(`${formatMoment(ended)}  handle-2  my_callback  threw      0 ms    1 s  It threw \ufffd[2J.`);
    expect(second).toMatch(/completed +0 ms +- +-$/);
    expect(formatHistory({ runs: [bad, { ...bad, site: 'http://b' }] }, false)).toContain('SITE');
    expect(formatHistory({ runs: [] }, false)).toBe('No past run.');
  });

  it('of one process', () => {
    const output = { head: 'one\n\u001b[31mtwo\n', tail: 'end\n', bytes: 5_000 };
    const progress = { fraction: 0.256, message: 'Step 2' };
    const text = formatShown(
      {
        handle: 'a',
        notes: [],
        live: [
          { site: 'http://a', callback: 'f', state: 'running', pid: 9, started: ended, ranMs: 61_000, progress },
          { site: 'http://b', callback: 'f', state: 'waiting', position: 3, waitedMs: 5 },
          { site: 'http://c', callback: 'f', state: 'held' },
        ],
        runs: [{ ...bad, output, progress }, endedRun('1', ended - 5)],
      },
      false,
    );
    expect(text).toMatch(/^a runs\n +site +http:\/\/a\n/);
    expect(text).toMatch(/since +\S+ \S+ \(1 min 1 s\)\n/);
    expect(text).toContain('a waits at position 3 of its site');
    expect(text).toContain('a waits for the end of the maintenance mode');
    expect(text).toMatch(
      /handle-2 ended: threw\n +cause +It threw \ufffd\[2J\.\n +error +RuntimeException\n +place +\/a\.inc:7\n/,
    );
    expect(text).toMatch(/cancelled by +anna\n/);
    expect(text).toMatch(/progress +25\.6 %: Step 2\n/);
    expect(text).toMatch(/CPU time +1\.5 s\n +peak memory +2 MB\n +attempts +2\n/);
    expect(text).toContain('It printed 4.9 KB:\n\none\n\ufffd[31mtwo\n… (4.9 KB more, see "drupald logs") …\nend\n');
    expect(text).toMatch(/Runs before it:\n\nENDED/);
    expect(text).not.toContain('\u001b');
  });
});

describe('printableLines', () => {
  it('keeps lines and tabs, and nothing else that acts on a terminal', () => {
    expect(printableLines('a\tb\r\nc\rd\u0007\n\u001b[2J\u009b')).toBe('a\tb\nc\ufffdd\ufffd\n\ufffd[2J\ufffd');
  });
});
