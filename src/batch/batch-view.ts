import { fail } from '../errors.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { execStatus } from '../process/states.js';
import type { BatchProgress, BatchRow } from '../store/batch-table.js';
import { readBatch, type BatchState } from './batch-state.js';
import { handleOfBatch } from './open-batches.js';
import type { SiteBatches } from './site-batches.js';
import type { Batches } from './batches.js';

/** Batches of a site that are looked at for an answer, the latest ones. */
const most = 1_000;

/** How a batch stands. */
export type BatchStanding = 'waiting' | 'running' | 'failed' | 'stopped' | 'done' | 'finished here' | 'in its browser';

/** One batch, as people see it. */
export interface BatchView {
  readonly site: string;
  readonly batch: number;
  readonly title: string;
  readonly state: BatchStanding;
  /** From 0 to 100. */
  readonly percentage: number;
  /** What its page says, as HTML. */
  readonly message: string;
  /** Operations that are known by now, and those of them that are left. */
  readonly operations: number;
  readonly left: number;
  /** Operations a second; null: nothing is known of it. */
  readonly rate: number | null;
  /** When it will be done, in seconds since 1970; null: it does not run, or cannot be told. */
  readonly eta: number | null;
  readonly uid: number;
  /** Name of its starter; empty: nobody has signed in. */
  readonly starter: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** How often its present operation has failed. */
  readonly failures: number;
  /** Why it was stopped, or why its operation failed; empty: neither. */
  readonly reason: string;
}

/** Which batch is meant. */
export interface BatchChoice {
  readonly batch: number;
  /** Main address of its site; needed where several have one of this number. */
  readonly site?: string | undefined;
}

/** Batches of all sites. Throws what the database throws. */
export async function listBatches(batches: Batches): Promise<BatchView[]> {
  const lists = await Promise.all(
    [...batches.all]
      .filter(([, its]) => its.areServed)
      .map(async ([site, its]) => viewsOf(site, its, await site.batches.list(most))),
  );
  return lists.flat();
}

/** One batch. @throws DrupaldError BATCH_UNKNOWN, BATCH_AMBIGUOUS */
export async function showBatch(batches: Batches, choice: BatchChoice): Promise<BatchView> {
  const { site, its, row } = await findBatch(batches, choice);
  const [view] = await viewsOf(site, its, [row]);
  if (!view) throw fail('BATCH_UNKNOWN', { batch: String(choice.batch), at: ` of ${site.name} that can be read` });
  return view;
}

/** The site and the row of a batch. @throws DrupaldError BATCH_UNKNOWN, BATCH_AMBIGUOUS */
export async function findBatch(
  batches: Batches,
  { batch, site }: BatchChoice,
): Promise<{ readonly site: ServedSite; readonly its: SiteBatches; readonly row: BatchRow }> {
  const sites = [...batches.all].filter(([one]) => site === undefined || one.uris.some(({ url }) => url === site));
  const rows = await Promise.all(
    sites.map(async ([one, its]) => ({ site: one, its, row: await one.batches.get(batch) })),
  );
  const found = rows.flatMap(({ row, ...at }) => (row ? [{ ...at, row }] : []));
  const [first, second] = found;
  if (!first) {
    throw fail('BATCH_UNKNOWN', { batch: String(batch), at: site === undefined ? '' : ` of ${site}` });
  }
  if (second) {
    throw fail('BATCH_AMBIGUOUS', { batch: String(batch), sites: found.map((one) => one.site.name).join(', ') });
  }
  return first;
}

async function viewsOf(site: ServedSite, its: SiteBatches, rows: readonly BatchRow[]): Promise<BatchView[]> {
  const read = rows.flatMap((row) => {
    const state = readBatch(row.data);
    return state ? [{ row, state }] : [];
  });
  if (read.length === 0) return [];
  const progress = new Map((await site.batches.progress(true)).map((one) => [one.bid, one]));
  const processes = await site.store.find(read.map(({ row }) => handleOfBatch(row.bid)));
  const status = new Map(processes.map((one) => [one.handle, one.status]));
  const inBrowsers = await its.inBrowsers();
  const names = await site.batches.names([...new Set(read.map(({ state }) => state.uid))]);
  return read.map(({ row, state }) => ({
    site: site.name,
    batch: row.bid,
    starter: names.get(state.uid) ?? '',
    created: row.created,
    ...standing(state, progress.get(row.bid), status.get(handleOfBatch(row.bid)), inBrowsers(row.bid)),
  }));
}

/** How a batch stands, from what is known of it. @param process status of its process; undefined: it has none */
export function standing(
  state: BatchState,
  progress: BatchProgress | undefined,
  process: number | undefined,
  inBrowser: boolean,
): Omit<BatchView, 'site' | 'batch' | 'starter' | 'created'> {
  const { title, total, left, over, uid, failures } = state;
  const done = total === 0 ? 1 : (total - left) / total;
  const share = over === undefined ? (progress?.share ?? (inBrowser ? done : 0)) : done;
  const seconds = progress ? progress.told - progress.begun : 0;
  const how = inBrowser && over === undefined ? 'in its browser' : stateOf(state, share, process);
  const moves = how === 'running' && progress && share > 0 && seconds > 0;
  return {
    title,
    uid,
    failures,
    state: how,
    percentage: Math.floor(share * 10_000) / 100,
    message: progress?.message ?? '',
    operations: total,
    left,
    rate: moves ? (total - left) / seconds : null,
    eta: moves ? progress.begun + seconds / share : null,
    reason: over === 'stopped' ? state.end : state.why,
  };
}

function stateOf(state: BatchState, share: number, process: number | undefined): BatchStanding {
  if (state.over === 'finished') return 'finished here';
  if (state.over === 'stopped') return 'stopped';
  if (state.over === 'done' || share >= 1) return 'done';
  if (process === execStatus.running) return 'running';
  return process === undefined && state.failures > 0 ? 'failed' : 'waiting';
}
