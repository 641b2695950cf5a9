import type { EventMap, EventName } from './map.js';

/** Takes the payload of one kind of event. */
export type Listener<N extends EventName> = (payload: EventMap[N]) => unknown;

/** Takes every event. */
export type AnyListener = (name: EventName, payload: EventMap[EventName]) => unknown;

/** Called with what a listener threw. Must not throw itself. */
export type ListenerFault = (name: EventName, error: unknown) => void;

/**
 * Carries events from the code that emits them to those who log, count or pass them on. Listeners are
 * called at once, in the order in which they came; whatever they throw, or reject with, never reaches
 * the emitter.
 */
export class EventBus {
  private readonly listeners = new Map<EventName, Set<AnyListener>>();
  private readonly anyListeners = new Set<AnyListener>();

  constructor(private readonly onFault: ListenerFault = reportOnStderr) {}

  /** Calls `listener` for each event of that name until the returned function is called. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const set = this.listeners.get(name) ?? new Set<AnyListener>();
    this.listeners.set(name, set);
    // A function of its own for each subscription, so that one listener may subscribe twice.
    const call: AnyListener = (_name, payload) => listener(payload as EventMap[N]);
    set.add(call);
    return () => {
      set.delete(call);
    };
  }

  /** Calls `listener` for every event until the returned function is called. */
  onAny(listener: AnyListener): () => void {
    const call: AnyListener = (name, payload) => listener(name, payload);
    this.anyListeners.add(call);
    return () => {
      this.anyListeners.delete(call);
    };
  }

  /** Tells every listener. Never throws. */
  emit<N extends EventName>(name: N, payload: EventMap[N]): void {
    for (const listener of [...(this.listeners.get(name) ?? []), ...this.anyListeners]) {
      try {
        const result = listener(name, payload);
        if (result instanceof Promise) {
          result.catch((error: unknown) => {
            this.fault(name, error);
          });
        }
      } catch (error) {
        this.fault(name, error);
      }
    }
  }

  private fault(name: EventName, error: unknown): void {
    try {
      this.onFault(name, error);
    } catch {
      // There is nobody left to tell.
    }
  }
}

function reportOnStderr(name: EventName, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`drupald: a listener of ${name} failed: ${text}\n`);
}
