import { describe, expect, it } from 'vitest';

import { RedisAway, RedisLink } from '../../src/backlog/redis-link.js';
import { backlogFindings } from '../../src/doctor/backlog-findings.js';

/** A link to a Redis that says this of its memory. */
function linkTo(info: () => Promise<string>): Pick<RedisLink, 'evicts' | 'shownAddress'> {
  const parts = { client: { info }, ask: (work: () => Promise<string>) => work(), shownAddress: '10.0.0.9:6379' };
  const evicts = Object.getOwnPropertyDescriptor(RedisLink.prototype, 'evicts')?.value as RedisLink['evicts'];
  return { shownAddress: parts.shownAddress, evicts: () => evicts.call(parts as unknown as RedisLink) };
}

describe('findings about the Redis of a shared backlog', () => {
  it('name one that removes starts when it is full', async () => {
    const evicting = linkTo(() => Promise.resolve('# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n'));
    const [found] = await backlogFindings(evicting);
    expect(found).toMatchObject({ code: 'redis-evicts', level: 'warn' });
    expect(found?.title).toContain('10.0.0.9:6379');
    expect(found?.title).toContain('allkeys-lru');
  });

  it('say nothing of one that keeps them, does not tell, or is away', async () => {
    for (const info of ['maxmemory_policy:noeviction\r\n', '']) {
      expect(await backlogFindings(linkTo(() => Promise.resolve(info)))).toEqual([]);
    }
    expect(await backlogFindings(linkTo(() => Promise.reject(new RedisAway('gone'))))).toEqual([]);
  });
});
