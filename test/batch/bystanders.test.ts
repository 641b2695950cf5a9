import { expect, test } from 'vitest';

import { Bystanders } from '../../src/batch/bystanders.js';

test('a connection may be that of a request until it was there long before the change', () => {
  const bystanders = new Bystanders();
  bystanders.look([{ id: 1, idle: 0 }], 0);
  bystanders.look(
    [
      { id: 1, idle: 0 },
      { id: 2, idle: 0 },
    ],
    55_000,
  );
  bystanders.look(
    [1, 2, 3].map((id) => ({ id, idle: 0 })),
    61_000,
  );
  expect([...bystanders.since(60_000)]).toEqual([2, 3]);
});

test('it may be none any more when it is gone, or was asked nothing for long', () => {
  const bystanders = new Bystanders();
  bystanders.look(
    [1, 2, 3].map((id) => ({ id, idle: 0 })),
    0,
  );
  const some = bystanders.since(0);
  bystanders.look(
    [
      { id: 2, idle: 59 },
      { id: 3, idle: 60 },
      { id: 4, idle: 0 },
    ],
    61_000,
  );
  expect([...bystanders.left(some, 60_000)]).toEqual([2]);
});

test('one that is gone and comes again under its number is a new one', () => {
  const bystanders = new Bystanders();
  bystanders.look([{ id: 1, idle: 0 }], 0);
  bystanders.look([], 1_000);
  bystanders.look([{ id: 1, idle: 0 }], 90_000);
  expect([...bystanders.since(60_000)]).toEqual([1]);
});
