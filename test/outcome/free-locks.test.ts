import { expect, it, vi } from 'vitest';

import { freeLocks } from '../../src/outcome/free-locks.js';
import type { ProcessStore } from '../../src/store/process-store.js';

function store(...failures: string[]): { tries: number } & Pick<ProcessStore, 'removeLocks'> {
  const made = {
    tries: 0,
    removeLocks: () => {
      const code = failures[made.tries];
      made.tries += 1;
      return code === undefined ? Promise.resolve() : Promise.reject(Object.assign(new Error(code), { code }));
    },
  };
  return made;
}

it('tries again until the database can do it', async () => {
  const fake = store('ECONNREFUSED', 'ER_OPTION_PREVENTS_STATEMENT');
  await freeLocks(fake as unknown as ProcessStore, 'lock');
  expect(fake.tries).toBe(1);
  await vi.waitFor(() => expect(fake.tries).toBe(3), 10_000);
});

it('leaves the locks of a site that keeps them elsewhere', async () => {
  const fake = store('ER_NO_SUCH_TABLE');
  await freeLocks(fake as unknown as ProcessStore, 'lock');
  expect(fake.tries).toBe(1);
});
