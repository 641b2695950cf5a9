import { describe, expect, it } from 'vitest';

import { redisAddress } from '../../src/backlog/redis-address.js';
import { redisUrl } from '../../src/config/kinds.js';

const read = (url: string): ReturnType<typeof redisAddress> => redisAddress(redisUrl.schema.parse(url));

describe('the address of a Redis', () => {
  it('is shown without its user and password', () => {
    expect(read('redis://me:p%2Fw%40@10.0.0.5')).toEqual({
      shown: '10.0.0.5:6379',
      options: { host: '10.0.0.5', port: 6379, db: 0, username: 'me', password: 'p/w@' },
    });
    expect(read('rediss://:pw@[fd00::1]:7000/3')).toEqual({
      shown: '[fd00::1]:7000, database 3',
      options: { host: 'fd00::1', port: 7000, db: 3, password: 'pw', tls: { servername: 'fd00::1' } },
    });
    expect(read('unix:///run/redis.sock')).toEqual({ shown: '/run/redis.sock', options: { path: '/run/redis.sock' } });
    expect(read('unix://:pw@localhost/run/r%20s')).toEqual({
      shown: '/run/r s',
      options: { path: '/run/r s', password: 'pw' },
    });
  });

  it.each([
    'http://h',
    'redis://',
    'redis:6379',
    'redis://h/x',
    'redis://h?db=1',
    'redis://:ge%heim@h',
    'unix:///run/%zz',
    'unix:///',
    'unix://host/run',
    '6379',
    '',
  ])('is not %j', (url) => {
    expect(redisUrl.schema.safeParse(url).success).toBe(false);
  });
});
