import type { RedisLink } from '../backlog/redis-link.js';
import { finding, type Finding } from './findings.js';

/** Whether the Redis on which a backlog is shared keeps what it is given; that it is away is told as a trouble. */
export async function backlogFindings(link: Pick<RedisLink, 'evicts' | 'shownAddress'>): Promise<Finding[]> {
  const policy = await link.evicts().catch(() => undefined);
  return policy === undefined ? [] : [finding('redis-evicts', { address: link.shownAddress, policy })];
}
