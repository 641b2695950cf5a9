import { describe, expect, it } from 'vitest';

import type { StartAnswer } from '../../src/intake/accept-start.js';
import { Deferred } from '../../src/support/deferred.js';
import { bench, row, token } from './bench.js';

describe('an accepted start', () => {
  it('is offered with its row, its address and what came with the request', async () => {
    const { start, store, taker, events } = bench();
    const headers = {
      host: 'A.example:80',
      'accept-language': 'da',
      'x-forwarded-proto': 'https',
      cookie: 'SESS=secret',
    };
    expect(await start(`/da/bgp-start/job/${token}`, { headers, peer: '::ffff:127.0.0.1' })).toEqual({
      status: 200,
      text: 'Taken.\n',
    });
    expect(taker.offered).toHaveLength(1);
    const [offered] = taker.offered;
    expect(offered?.row).toBe(store.rows[0]);
    expect(offered?.uri.url).toBe('https://a.example');
    expect(offered?.context).toEqual({
      remote: '127.0.0.1',
      remotePort: 4711,
      headers: { 'accept-language': 'da', 'x-forwarded-proto': 'https' },
      prefix: 'da',
    });
    expect(events).toEqual(['start.accepted {"site":"http://a.example","handle":"job","callback":"my_callback"}']);
  });

  it('takes no word of a peer that is not trusted', async () => {
    const { start, taker } = bench({ trusted: [] });
    const headers = { host: 'a.example', 'accept-language': 'da', 'x-forwarded-proto': 'https' };
    expect((await start(undefined, { headers })).status).toBe(200);
    expect(taker.offered[0]?.uri.url).toBe('http://a.example');
    expect(taker.offered[0]?.context.headers).toEqual({});
    const forwarded = { host: '127.0.0.1:8970', 'x-forwarded-host': 'a.example' };
    expect((await start(undefined, { headers: forwarded })).status).toBe(421);
  });

  it('believes a trusted proxy about the host', async () => {
    const { start } = bench();
    const headers = { host: '127.0.0.1:8970', 'x-forwarded-host': 'a.example' };
    expect((await start(undefined, { headers })).status).toBe(200);
  });

  it('may be one that waits already for its turn (status 3)', async () => {
    const { start, store } = bench();
    store.rows = [row({ status: 3 })];
    expect((await start()).text).toBe('Taken.\n');
  });

  it('leaves the comparison of handles to the store, and passes the spelling of the row on', async () => {
    const { start, store, taker } = bench();
    store.rows = [row({ handle: 'JOB' })];
    expect((await start()).status).toBe(200);
    expect(taker.offered[0]?.row.handle).toBe('JOB');
  });

  it('asks for every reading of the handle in one question', async () => {
    const { start, store } = bench();
    store.rows = [row({ handle: 'a/b' })];
    expect((await start(`/bgp-start/a%252Fb/${token}`)).status).toBe(200);
    expect(store.asked).toEqual([['a/b', 'a%2Fb', 'a%252Fb']]);
  });

  it('is the row whose token matches, when several readings have one', async () => {
    const { start, store, taker } = bench();
    store.rows = [row({ handle: 'a/b', token: 'other' }), row({ handle: 'a%2Fb' })];
    expect((await start(`/bgp-start/a%252Fb/${token}`)).status).toBe(200);
    expect(taker.offered[0]?.row.handle).toBe('a%2Fb');
  });

  it('is the likeliest reading among rows with the same token', async () => {
    const { start, store, taker } = bench();
    store.rows = [row({ handle: 'a%2Fb' }), row({ handle: 'a/b' })];
    await start(`/bgp-start/a%252Fb/${token}`);
    expect(taker.offered[0]?.row.handle).toBe('a/b');
  });
});

describe('answers without a new run', () => {
  it('says that a running process runs already, and offers nothing', async () => {
    const { start, store, taker } = bench();
    store.rows = [row({ status: 2 })];
    expect(await start()).toEqual({ status: 200, text: 'Running already.\n' });
    expect(taker.offered).toEqual([]);
  });

  it('says that a known start was taken already, without a second event', async () => {
    const { start, taker, events } = bench();
    taker.answer = 'known';
    expect(await start()).toEqual({ status: 200, text: 'Taken already.\n' });
    expect(events).toEqual([]);
  });

  it('knows a repetition whose run is over, without waiting for its row', async () => {
    const { start, store, taker } = bench({ lookupWait: 3_600_000 });
    await start();
    store.rows = [];
    expect(await start()).toEqual({ status: 200, text: 'Taken already.\n' });
    expect(store.asked).toHaveLength(2);
    expect(taker.offered).toHaveLength(1);
  });

  it.each([
    [{ callback: '__LOCKED__' }, 409, 'lock of Ultimate Cron'],
    [{ callback: '(none)' }, 409, 'no callback yet'],
    [{ status: 0 }, 409, 'status is 0'],
  ])('refuses a row with %j', async (changes, status, reason) => {
    const { start, store, taker } = bench();
    store.rows = [row(changes)];
    const answer = await start();
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(reason);
    expect(taker.offered).toEqual([]);
  });

  it.each([
    ['full', 503, '(7 starts)'],
    ['stopping', 503, 'the daemon is stopping'],
  ] as const)('answers a list that is %s with %d', async (offer, status, reason) => {
    const { start, taker } = bench();
    taker.answer = offer;
    const answer = await start();
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(reason);
  });
});

describe('refusals, in the order of the checks', () => {
  it('first looks whether it is a start at all', async () => {
    const { start, store, events } = bench();
    expect((await start('/node/1', { headers: { host: 'foreign.example' } })).status).toBe(404);
    expect(store.asked).toEqual([]);
    expect(events[0]).toContain('DRUPALD_START_NOT_FOUND');
  });

  it.each([['foreign.example'], ['127.0.0.1:8970'], [undefined]])('then for which site: %j is none', async (host) => {
    const { start, store } = bench();
    expect((await start(undefined, { headers: { host } })).status).toBe(421);
    expect(store.asked).toEqual([]);
  });

  it('then for the row', async () => {
    const { start } = bench();
    const answer = await start(`/bgp-start/unknown/${token}`);
    expect(answer).toEqual({
      status: 404,
      text: 'There is no process unknown in the database of the site.\n',
    });
  });

  it.each(['wrong', token.toUpperCase(), token.slice(1), `${token}0`])(
    'then for the token: %s is wrong even for what could not be started',
    async (wrong) => {
      const { start, store, taker } = bench();
      store.rows = [row({ status: 0, callback: '__LOCKED__' })];
      expect((await start(`/bgp-start/job/${wrong}`)).status).toBe(403);
      expect(taker.offered).toEqual([]);
    },
  );

  it.each(['/bgp-start/job', '/bgp-start/job/'])(
    'never takes an empty token for the empty token of a row: %s',
    async (url) => {
      const { start, store, taker } = bench();
      store.rows = [row({ token: '' })];
      expect((await start(url)).status).toBe(403);
      expect(taker.offered).toEqual([]);
    },
  );

  it('answers 503 when the database does not answer', async () => {
    const { start, store } = bench();
    store.onFind = () => {
      throw Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    };
    const answer = await start();
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('ECONNREFUSED');
  });

  it('answers 503 when the taker fails', async () => {
    const { start, taker } = bench();
    taker.offer = () => Promise.reject(new Error('no disk'));
    expect(await start()).toEqual({ status: 503, text: 'Starts cannot be taken now (no disk).\n' });
  });

  it('does not remember a start that was not taken', async () => {
    const { start, store, taker } = bench();
    taker.answer = 'full';
    await start();
    store.rows = [];
    expect((await start()).status).toBe(404);
  });
});

describe('a row that is not there yet', () => {
  it('is taken as soon as it appears', async () => {
    const { start, store, taker } = bench({ lookupWait: 3_600_000 });
    store.rows = [];
    store.onFind = () => {
      if (store.asked.length === 3) {
        store.rows = [row()];
      }
    };
    expect((await start()).status).toBe(200);
    expect(store.asked).toHaveLength(3);
    expect(taker.offered).toHaveLength(1);
  });

  it('keeps no more requests waiting than it may', async () => {
    const { start, store } = bench({ lookupWait: 3_600_000, waitersMax: 1 });
    store.rows = [];
    const looking = new Deferred();
    const proceed = new Deferred();
    store.onFind = () => {
      if (store.asked.length === 2) {
        looking.resolve();
        return proceed.promise;
      }
      return undefined;
    };
    const first = start();
    await looking.promise;
    const second = await start(`/bgp-start/other/${token}`);
    expect(second.status).toBe(503);
    expect(second.text).toContain('too many requests are waiting');
    store.rows = [row()];
    proceed.resolve();
    expect((await first).status).toBe(200);
    // The place is free again.
    store.rows = [];
    store.onFind = () => {
      store.rows = [row({ handle: 'third' })];
    };
    expect((await start(`/bgp-start/third/${token}`)).status).toBe(200);
  });

  it('is not waited for at all when nobody may wait', async () => {
    const { start, store } = bench({ lookupWait: 3_600_000, waitersMax: 0 });
    store.rows = [];
    expect((await start()).status).toBe(503);
    expect(store.asked).toHaveLength(1);
  });
});

describe('secrets', () => {
  it('stand in no event and in no answer, whatever happens', async () => {
    const { start, store, taker, events } = bench();
    const guess = 'fedcba9876543210fedcba9876543210';
    const texts: string[] = [];
    const note = async (answer: Promise<StartAnswer>): Promise<void> => void texts.push((await answer).text);
    await note(start());
    await note(start(`/bgp-start/job/${guess}`));
    await note(start(`/bgp-start/unknown/${guess}`));
    await note(start(undefined, { headers: { host: 'foreign.example' } }));
    taker.answer = 'full';
    await note(start());
    store.rows = [row({ status: 0 })];
    await note(start());
    store.onFind = () => {
      throw new Error('gone');
    };
    await note(start());
    expect(events).toHaveLength(7);
    for (const text of [...texts, ...events]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(guess);
    }
  });

  it('are not taken for a handle when slashes in a handle are not encoded', async () => {
    const { start, events } = bench();
    await start(`/bgp-start/a/b/${token}`);
    expect(events.join()).toContain('"handle":"a/b"');
    expect(events.join()).not.toContain(token);
  });
});

describe('wrong tokens', () => {
  it('are slowed down only within the number of requests that may wait', async () => {
    const { start } = bench({ waitersMax: 0 });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      statuses.push((await start('/bgp-start/job/wrong')).status);
    }
    expect(statuses).toEqual([403, 403, 403, 403, 403, 503, 503]);
    // The right token is never slowed.
    expect((await start()).status).toBe(200);
  });

  it('count per address that a trusted proxy names', async () => {
    const { start, store } = bench({ waitersMax: 0 });
    store.rows = Array.from({ length: 8 }, (_, index) => row({ handle: `job${index}` }));
    const guess = (index: number, address: string): Promise<StartAnswer> =>
      start(`/bgp-start/job${index}/wrong`, {
        headers: { host: 'a.example', 'x-forwarded-for': `9.9.9.9, ${address}` },
      });
    for (let index = 0; index < 5; index += 1) {
      expect((await guess(index, '192.0.2.1')).status).toBe(403);
    }
    expect((await guess(5, '192.0.2.1')).status).toBe(503);
    expect((await guess(6, '192.0.2.2')).status).toBe(403);
  });
});

describe('errors', () => {
  it('become answers, never rejections', async () => {
    const { start, taker } = bench();
    taker.offer = () => {
      throw new TypeError('defect');
    };
    expect((await start()).status).toBe(503);
  });
});
