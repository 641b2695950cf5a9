import { describe, expect, test } from 'vitest';

import { runCommandLine } from '../../src/cli/program.js';

async function fires(...args: string[]): Promise<{ code: number; out: string[]; error: string }> {
  let [out, error] = ['', ''];
  const code = await runCommandLine(['cron', 'fires', ...args], {
    stdout: { write: (text: string | Uint8Array) => ((out += String(text)), true) },
    stderr: { write: (text: string | Uint8Array) => ((error += String(text)), true) },
    env: {},
  });
  return { code, out: out.split('\n').filter(Boolean), error };
}

describe('drupald cron fires', () => {
  test('prints each instant with its offset, of several rules each once', async () => {
    const found = await fires(
      ...['--rule', '30 3 * * *; 30 3,4 * * *', '--zone', 'Europe/Tallinn'],
      ...['--from', '2024-10-27', '--to', '2024-10-27T06:00'],
    );
    expect(found.out).toEqual(['2024-10-27T03:30:00+03:00', '2024-10-27T04:30:00+02:00']);
    expect(found.code).toBe(0);
  });

  test('the first instant counts, the last does not', async () => {
    const found = await fires(
      ...['--rule', '0 * * * *', '--zone', 'America/Sao_Paulo'],
      ...['--from', '2018-11-04T03:00:00Z', '--to', '2018-11-04T05:00:00Z'],
    );
    expect(found.out).toEqual(['2018-11-04T01:00:00-02:00', '2018-11-04T02:00:00-02:00']);
  });

  test('the name of a job spreads the sign @', async () => {
    const range = ['--zone', 'UTC', '--from', '2024-01-01', '--to', '2024-01-01T02:00'];
    expect((await fires('--rule', '0+@ * * * *', '--job', 'node_cron', ...range)).out).toEqual([
      '2024-01-01T00:24:00+00:00',
      '2024-01-01T01:24:00+00:00',
    ]);
  });

  test.each([
    [['--rule', '22-2 * * * *'], 'the range 22-2 is upside down in the field minute'],
    [['--rule', ' ; '], 'and it is empty'],
    [['--rule', '* * * * *', '--zone', 'Mars/Base'], 'The flag --zone was given "Mars/Base"'],
    [['--rule', '* * * * *', '--from', 'soon'], 'The flag --from was given "soon"'],
  ])('%j is refused', async (args, words) => {
    const found = await fires(...args);
    expect(found.code).toBe(2);
    expect(found.error).toContain(words);
    expect(found.out).toEqual([]);
  });
});
