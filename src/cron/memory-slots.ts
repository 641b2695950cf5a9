import type { CronSlot, SlotBook, TakenSlot } from '../store/cron-slot-table.js';

/** Slots of an entry that are kept in memory. */
const most = 100;

/** Slots where the database may not keep them: a restart forgets them, and another daemon knows nothing of them. */
export class MemorySlots implements SlotBook {
  readonly #slots = new Map<string, TakenSlot[]>();
  #seq = 0;

  newest(entry: string): Promise<TakenSlot | undefined> {
    return Promise.resolve(this.#slots.get(entry)?.at(-1));
  }

  find(entry: string, due: number): Promise<TakenSlot | undefined> {
    return Promise.resolve(this.#slots.get(entry)?.find((slot) => slot.due === due));
  }

  take(slot: CronSlot): Promise<boolean> {
    const slots = this.#slots.get(slot.entry) ?? [];
    this.#slots.set(slot.entry, slots);
    if (slots.some((one) => isSame(one, slot))) return Promise.resolve(false);
    this.#seq += 1;
    slots.push({ ...slot, seq: this.#seq });
    if (slots.length > most) slots.shift();
    return Promise.resolve(true);
  }

  giveBack(slot: CronSlot): Promise<void> {
    const slots = this.#slots.get(slot.entry) ?? [];
    this.#slots.set(
      slot.entry,
      slots.filter((one) => !isSame(one, slot)),
    );
    return Promise.resolve();
  }

  /** There are never many. */
  prune(): Promise<void> {
    return Promise.resolve();
  }
}

function isSame(a: CronSlot, b: CronSlot): boolean {
  return a.due === b.due && a.pass === b.pass;
}
