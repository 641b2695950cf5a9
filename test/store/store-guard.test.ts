import { afterEach, describe, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { StoreGuard } from '../../src/store/store-guard.js';

afterEach(() => {
  vi.useRealTimers();
});

/** A guard, and the reasons that it has told. */
function guarded(reminder?: number) {
  const bus = new EventBus();
  const told: string[] = [];
  bus.on('store.error', ({ site, reason }) => told.push(`${site}: ${reason}`));
  const guard = new StoreGuard(bus, reminder);
  const fail = (reason: string, name = 'a'): Promise<void> =>
    guard.run({ name }, () => Promise.reject(new Error(reason)));
  return { told, fail, work: (name = 'a') => guard.run({ name }, () => Promise.resolve()) };
}

describe('StoreGuard', () => {
  it('tells once that a database fails, until it works again', async () => {
    const { told, fail, work } = guarded();
    await fail('away');
    await fail('away');
    await fail('full');
    await fail('away', 'b');
    expect(told).toEqual(['a: away', 'b: away']);
    await work();
    await fail('away');
    expect(told).toEqual(['a: away', 'b: away', 'a: away']);
  });

  it('tells again for another reason, and after its reminder', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { told, fail } = guarded(60_000);
    await fail('away');
    vi.advanceTimersByTime(59_999);
    await fail('away');
    expect(told).toEqual(['a: away']);
    await fail('full');
    await fail('away');
    vi.advanceTimersByTime(60_000);
    await fail('away');
    expect(told).toEqual(['a: away', 'a: full', 'a: away', 'a: away']);
  });
});
