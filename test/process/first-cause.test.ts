import { describe, expect, it } from 'vitest';

import { FirstCause } from '../../src/process/first-cause.js';
import { completed, signalled } from '../../src/process/outcome.js';

describe('FirstCause', () => {
  it('is empty at first', () => {
    expect(new FirstCause().outcome).toBeUndefined();
  });

  it('keeps the first cause and answers with it', () => {
    const cause = new FirstCause();
    const killed = signalled('SIGKILL', 'job');
    expect(cause.write(completed)).toBe(completed);
    expect(cause.write(killed)).toBe(completed);
    expect(cause.outcome).toBe(completed);
  });

  it('keeps a bad end over a later completion', () => {
    const cause = new FirstCause();
    const killed = signalled('SIGKILL', 'job');
    cause.write(killed);
    expect(cause.write(completed)).toBe(killed);
  });
});
