import { expect, it, vi } from 'vitest';

import { LockKeeper, type LockedSite } from '../../src/outcome/lock-keeper.js';
import type { OwedLock } from '../../src/store/ledger-line.js';

interface FakeSite extends LockedSite {
  readonly tried: string[];
}

/** A site whose database fails by these codes, one for each try, and does it then. */
function site(...failures: string[]): FakeSite {
  const tried: string[] = [];
  return {
    name: 'http://site.test',
    tried,
    core: {
      removeLocks: (lock) => {
        const code = failures[tried.length];
        tried.push(lock);
        return code === undefined ? Promise.resolve() : Promise.reject(Object.assign(new Error(code), { code }));
      },
    },
  };
}

function ledger(...left: OwedLock[]): {
  owed: OwedLock[];
  owe: (one: OwedLock) => void;
  freed: (lock: string) => void;
} {
  const made = {
    owed: left,
    owe: (one: OwedLock) => {
      made.owed.push(one);
    },
    freed: (lock: string) => {
      made.owed = made.owed.filter((one) => one.lock !== lock);
    },
  };
  return made;
}

it('writes nothing down where it can be done at once', async () => {
  const [book, fake] = [ledger(), site()];
  await new LockKeeper(book).free(fake, 'lock');
  expect(fake.tried).toEqual(['lock']);
  expect(book.owed).toEqual([]);
});

it.each(['ECONNREFUSED', 'ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT'])(
  'writes it down and tries again until the database can do it: %s',
  async (code) => {
    const [book, fake] = [ledger(), site(code, 'ER_OPTION_PREVENTS_STATEMENT')];
    await new LockKeeper(book).free(fake, 'lock');
    expect(fake.tried).toHaveLength(1);
    expect(book.owed).toEqual([{ site: 'http://site.test', lock: 'lock' }]);
    await vi.waitFor(() => expect(book.owed).toEqual([]), 10_000);
    expect(fake.tried).toHaveLength(3);
  },
);

it('is not held up by a lock that somebody holds', async () => {
  const [book, fake] = [ledger(), site('ER_LOCK_WAIT_TIMEOUT', 'ER_LOCK_WAIT_TIMEOUT', 'ER_LOCK_WAIT_TIMEOUT')];
  const keeper = new LockKeeper(book);
  await Promise.all([keeper.free(fake, 'first'), keeper.free(fake, 'second')]);
  await vi.waitFor(() => expect(book.owed).toEqual([]), 10_000);
  expect(fake.tried).toEqual(['first', 'second', 'first', 'second', 'first']);
});

it('does what the last daemon had written down, for the sites that are served', async () => {
  const [book, fake] = [
    ledger({ site: 'http://site.test', lock: 'a' }, { site: 'http://other.test', lock: 'b' }),
    site(),
  ];
  new LockKeeper(book).resume([fake]);
  await vi.waitFor(() => expect(book.owed).toEqual([{ site: 'http://other.test', lock: 'b' }]), 10_000);
  expect(fake.tried).toEqual(['a']);
});

it('leaves the locks of a site that keeps them elsewhere', async () => {
  const [book, fake] = [ledger(), site('ER_NO_SUCH_TABLE')];
  await new LockKeeper(book).free(fake, 'lock');
  expect(fake.tried).toHaveLength(1);
  expect(book.owed).toEqual([]);
});
