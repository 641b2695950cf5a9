import type { SiteConnection } from '../store/core-batch-table.js';

/**
 * Milliseconds before a batch was changed: a connection that was open so early is none of a
 * request that has read the batch as it is now, because requests read it right at their beginning.
 */
const lead = 10_000;

/**
 * Tells which connections of a site may be requests that have a batch in hand.
 *
 * Drupal's own pages take no lease: that such a request is at work shows in nothing but its
 * connection to the database, which it keeps from its beginning to its end.
 */
export class Bystanders {
  /** Monotonic milliseconds at which each connection was seen first. */
  #seen = new Map<number, number>();
  #idle = new Map<number, number>();

  /** @param now monotonic milliseconds */
  look(connections: readonly SiteConnection[], now: number): void {
    this.#seen = new Map(connections.map(({ id }) => [id, this.#seen.get(id) ?? now]));
    this.#idle = new Map(connections.map(({ id, idle }) => [id, idle * 1000]));
  }

  /** Those that were opened behind a moment, or not long before it (monotonic milliseconds). */
  since(moment: number): Set<number> {
    return new Set([...this.#seen].flatMap(([id, first]) => (first > moment - lead ? [id] : [])));
  }

  /**
   * Those of some that are still there.
   *
   * @param idleFor milliseconds: one that was asked nothing for so long counts as one that is kept open for later
   */
  left(some: ReadonlySet<number>, idleFor: number): Set<number> {
    return new Set([...some].filter((id) => (this.#idle.get(id) ?? Infinity) < idleFor));
  }
}
