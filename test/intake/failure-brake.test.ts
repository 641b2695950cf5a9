import { describe, expect, it } from 'vitest';

import { FailureBrake } from '../../src/intake/failure-brake.js';

/** Delays of `count` failures of one name at one moment. */
function delays(brake: FailureBrake, count: number, name = 'x', now = 1_000_000): number[] {
  return Array.from({ length: count }, () => brake.note([name], now));
}

describe('FailureBrake', () => {
  it('answers the first failures at once, then slower and slower up to a limit', () => {
    const found = delays(new FailureBrake(), 16);
    expect(found.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(found.slice(5, 11)).toEqual([100, 200, 400, 800, 1600, 2000]);
    expect(found.slice(11)).toEqual([2000, 2000, 2000, 2000, 2000]);
  });

  it('counts each name by itself and takes the longest delay', () => {
    const brake = new FailureBrake();
    delays(brake, 6, 'handle a');
    expect(brake.note(['handle b'], 1_000_000)).toBe(0);
    expect(brake.note(['handle b', 'handle a'], 1_000_000)).toBe(200);
  });

  it('forgets a name after a minute without failures', () => {
    const brake = new FailureBrake();
    delays(brake, 10);
    expect(brake.note(['x'], 1_059_999)).toBeGreaterThan(0);
    expect(brake.note(['x'], 1_059_999 + 60_000)).toBe(0);
  });

  it('remembers ten thousand names, and forgets the one that failed longest ago', () => {
    const brake = new FailureBrake();
    delays(brake, 6, 'oldest');
    delays(brake, 6, 'busy');
    for (let index = 0; index < 9_998; index += 1) {
      brake.note([`name ${index}`], 1_000_000);
    }
    expect(brake.note(['busy'], 1_000_000)).toBe(200);
    brake.note(['one more'], 1_000_000);
    expect(brake.note(['oldest'], 1_000_000)).toBe(0);
    expect(brake.note(['busy'], 1_000_000)).toBe(400);
  });

  it('has no delay for no names', () => {
    expect(new FailureBrake().note([])).toBe(0);
  });
});
