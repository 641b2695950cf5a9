import { EventBus } from '../../src/events/bus.js';
import {
  StartIntake,
  type AcceptedStart,
  type StartAnswer,
  type StartRequest,
  type StartSite,
  type StartTaker,
} from '../../src/intake/accept-start.js';
import { TrustedPeers } from '../../src/intake/trusted-peers.js';
import { HostMap } from '../../src/sites/host-map.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';
import type { ProcessRow, ProcessStore } from '../../src/store/process-store.js';

/** A token as Drupal makes them. */
export const token = '0123456789abcdef0123456789abcdef';

/** A row that waits to be started. */
export function row(changes: Partial<ProcessRow> = {}): ProcessRow {
  return {
    handle: 'job',
    token,
    callback: 'my_callback',
    uid: 1,
    serviceHost: 'default',
    stamp: '1700000000.123456',
    status: 1,
    ...changes,
  };
}

/** A store in memory that compares handles without case, as the column does, and keeps what it was asked. */
class MemoryStore {
  rows: ProcessRow[] = [row()];
  readonly asked: string[][] = [];
  onFind: () => void | Promise<void> = () => undefined;

  async find(handles: readonly string[]): Promise<ProcessRow[]> {
    this.asked.push([...handles]);
    await this.onFind();
    const wanted = handles.map((handle) => handle.toLowerCase());
    return this.rows.filter(({ handle }) => wanted.includes(handle.toLowerCase()));
  }
}

/** Takes starts, or answers as it is told. */
class MemoryTaker implements StartTaker<StartSite> {
  closed = false;

  readonly waiting = 7;
  readonly offered: AcceptedStart<StartSite>[] = [];
  answer: 'taken' | 'known' | 'full' | 'stopping' = 'taken';

  offer(start: AcceptedStart<StartSite>): Promise<'taken' | 'known' | 'full' | 'stopping'> {
    this.offered.push(start);
    return Promise.resolve(this.answer);
  }
}

/** An intake for the sites a.example and b.example, with everything around it in memory. */
export interface Bench {
  readonly store: MemoryStore;
  readonly taker: MemoryTaker;
  readonly events: string[];
  readonly start: (url?: string, changes?: Partial<StartRequest>) => Promise<StartAnswer>;
}

/** @param options what differs from: no wait for rows, ten waiters, loopback trusted */
export function bench(options: { lookupWait?: number; waitersMax?: number; trusted?: string[] } = {}): Bench {
  const store = new MemoryStore();
  const taker = new MemoryTaker();
  const bus = new EventBus();
  const events: string[] = [];
  bus.onAny((name, payload) => events.push(`${name} ${JSON.stringify(payload)}`));
  const quiet = (): undefined => undefined;
  const site: StartSite = {
    name: 'http://a.example',
    store: store as unknown as ProcessStore,
    anticipate: quiet,
  };
  const other: StartSite = {
    name: 'http://b.example',
    store: new MemoryStore() as unknown as ProcessStore,
    anticipate: quiet,
  };
  const intake = new StartIntake<StartSite>({
    hosts: new HostMap(
      [
        { uri: parseSiteUri('http://a.example'), target: site },
        { uri: parseSiteUri('https://a.example'), target: site },
        { uri: parseSiteUri('http://b.example'), target: other },
      ],
      ['127.0.0.1:8970'],
    ),
    taker,
    trusted: new TrustedPeers(options.trusted ?? ['127.0.0.0/8']),
    bus,
    lookupWait: options.lookupWait ?? 0,
    waitersMax: options.waitersMax ?? 10,
  });
  return {
    store,
    taker,
    events,
    start: (url = `/bgp-start/job/${token}`, changes = {}) =>
      intake.accept({ url, headers: { host: 'a.example' }, peer: '127.0.0.1', peerPort: 4711, ...changes }),
  };
}
