import { expect, it } from 'vitest';

import { KeptRequests } from '../../src/pool/kept-requests.js';
import type { Dispatch } from '../../src/scheduler/dispatch.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';
import type { KeptStart, StartTable } from '../../src/store/start-table.js';
import { fakeDispatch, fakeSite } from '../scheduler/dispatches.js';

/** A table in memory that counts its statements. */
class FakeTable implements Pick<StartTable, keyof StartTable> {
  readonly rows = new Map<string, string>();
  statements = 0;
  denied = false;

  prepare(): Promise<void> {
    this.statements += 1;
    const error = Object.assign(new Error('denied'), { code: 'ER_TABLEACCESS_DENIED_ERROR' });
    return this.denied ? Promise.reject(error) : Promise.resolve();
  }
  prune(): Promise<void> {
    return Promise.resolve();
  }
  keep(starts: readonly KeptStart[]): Promise<void> {
    this.statements += starts.length > 0 ? 1 : 0;
    for (const { sum, note } of starts) this.rows.set(sum, note);
    return Promise.resolve();
  }
  find(sum: string): Promise<string | undefined> {
    return Promise.resolve(this.rows.get(sum));
  }
  forget(sums: readonly string[]): Promise<void> {
    this.statements += sums.length > 0 ? 1 : 0;
    for (const sum of sums) this.rows.delete(sum);
    return Promise.resolve();
  }
}

const main = parseSiteUri('http://a.test');
const second = parseSiteUri('http://b.test');
const site = fakeSite('http://a.test', { uris: [main, second] });
const plain = { remote: '10.0.0.1', remotePort: 0, headers: {}, prefix: '' };

function waiting(handle: string, changes: Partial<Dispatch> = {}): Dispatch {
  return fakeDispatch(site, handle, { uri: main, context: { ...plain, prefix: 'de' }, ...changes });
}

function kept(): { table: FakeTable; requests: KeptRequests; neighbour: KeptRequests } {
  const table = new FakeTable();
  const requests = new KeptRequests(table as unknown as StartTable);
  return { table, requests, neighbour: new KeptRequests(table as unknown as StartTable) };
}

it('keeps what a request said until its start waits no more, and a neighbour reads it', async () => {
  const { table, requests, neighbour } = kept();
  const headers = { 'accept-language': 'de' };
  const starts = [waiting('prefix'), waiting('headers', { context: { ...plain, headers } })];
  await requests.follow(starts);
  expect(await neighbour.find({ handle: 'headers', stamp: starts[1]!.stamp })).toMatchObject({
    uri: main.url,
    context: { headers, prefix: '' },
  });
  expect(await neighbour.find({ handle: 'headers', stamp: '1700000000.000002' })).toBeUndefined();
  await requests.follow([starts[1]!]);
  expect(await neighbour.find(starts[0]!)).toBeUndefined();
  await neighbour.forget(starts[1]!);
  expect(table.rows.size).toBe(0);
});

it('asks the database nothing for starts whose row says it all, and nothing twice', async () => {
  const { table, requests } = kept();
  const client = { 'user-agent': 'Drupal (+http://drupal.org/)' };
  await requests.follow([
    waiting('plain', { context: plain }),
    waiting('cli', { context: { ...plain, headers: client } }),
  ]);
  await requests.follow([]);
  expect(table.statements).toBe(0);
  const starts = [waiting('other-address', { context: plain, uri: second })];
  await requests.follow(starts);
  const once = table.statements;
  await requests.follow(starts);
  expect([once, table.statements]).toEqual([2, 2]);
});

it('keeps a large backlog by and by', async () => {
  const { table, requests } = kept();
  const starts = Array.from({ length: 1_200 }, (_, n) => waiting(`many-${n}`));
  const sizes: number[] = [];
  for (let look = 0; look < 3; look += 1) {
    await requests.follow(starts);
    sizes.push(table.rows.size);
  }
  expect(sizes).toEqual([500, 1_000, 1_200]);
});

it('keeps nothing where no table may be made, and what it cannot read is nothing', async () => {
  const { table, requests } = kept();
  table.denied = true;
  await requests.follow([waiting('one')]);
  await requests.follow([waiting('one')]);
  expect([table.statements, table.rows.size]).toEqual([1, 0]);
  table.denied = false;
  const other = new KeptRequests(table as unknown as StartTable);
  const start = waiting('broken');
  await other.follow([start]);
  for (const sum of table.rows.keys()) table.rows.set(sum, '{"handle":');
  expect(await other.find(start)).toBeUndefined();
});
