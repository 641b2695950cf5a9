import { describe, expect, it } from 'vitest';

import { bootFailed, completed, exited, lost, outcomeKinds, refused, signalled } from '../../src/process/outcome.js';

describe('outcomes', () => {
  it('counts an exit with code 0 as completed, without a sentence', () => {
    expect(exited(0, 'job')).toBe(completed);
    expect(completed.sentence).toBe('');
  });

  it.each([1, 3, 255])('tells exit code %d and the callback', (code) => {
    const outcome = exited(code, 'my_job');
    expect(outcome).toMatchObject({ kind: 'exited', code });
    expect(outcome.sentence).toContain('my_job');
    expect(outcome.sentence).toContain(String(code));
  });

  it('explains a known signal and only names an unknown one', () => {
    expect(signalled('SIGSEGV', 'my_job')).toEqual({
      kind: 'signalled',
      signal: 'SIGSEGV',
      sentence: 'The PHP process of the callback my_job was ended by SIGSEGV: PHP or an extension crashed.',
    });
    expect(signalled('SIGUSR2', 'my_job').sentence).toBe(
      'The PHP process of the callback my_job was ended by SIGUSR2.',
    );
  });

  it('says why a process counts as lost', () => {
    expect(lost('my_job', 'nobody saw it')).toEqual({
      kind: 'lost',
      sentence: 'The PHP process of the callback my_job is gone: nobody saw it.',
    });
  });

  it('passes on the sentences of a refused and of an unbootable start', () => {
    expect(refused('No owner.')).toEqual({ kind: 'refused', sentence: 'No owner.' });
    expect(bootFailed('No database.')).toEqual({ kind: 'boot-failed', sentence: 'No database.' });
  });

  it('ends every bad sentence with one full stop', () => {
    for (const outcome of [exited(2, 'a'), signalled('SIGKILL', 'a'), signalled('SIGRT', 'a'), lost('a', 'b')]) {
      expect(outcome.sentence).toMatch(/[^.]\.$/);
      expect(outcomeKinds).toContain(outcome.kind);
    }
  });
});
