import { describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../src/events/bus.js';

describe('EventBus', () => {
  it('calls the listeners of a name, then those of all, until they are taken off', () => {
    const bus = new EventBus();
    const heard: string[] = [];
    const off = bus.on('site.ready', ({ site }) => heard.push(`on ${site}`));
    const offAny = bus.onAny((name) => heard.push(`any ${name}`));
    bus.emit('site.ready', { site: 'a' });
    bus.emit('site.recovered', { site: 'a' });
    off();
    offAny();
    bus.emit('site.ready', { site: 'b' });
    expect(heard).toEqual(['on a', 'any site.ready', 'any site.recovered']);
  });

  it('keeps a listener that subscribed twice until both are taken off', () => {
    const bus = new EventBus();
    const listener = vi.fn();
    const off = bus.on('site.ready', listener);
    bus.on('site.ready', listener);
    off();
    bus.emit('site.ready', { site: 'a' });
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('never lets a failing listener reach the emitter or the others', async () => {
    const faults: unknown[] = [];
    const bus = new EventBus((name, error) => faults.push([name, (error as Error).message]));
    const last = vi.fn();
    bus.on('site.ready', () => {
      throw new Error('at once');
    });
    bus.on('site.ready', () => Promise.reject(new Error('later')));
    bus.on('site.ready', last);
    bus.emit('site.ready', { site: 'a' });
    await vi.waitFor(() => {
      expect(faults).toEqual([
        ['site.ready', 'at once'],
        ['site.ready', 'later'],
      ]);
    });
    expect(last).toHaveBeenCalledOnce();
  });

  it('survives a report that fails itself', () => {
    const bus = new EventBus(() => {
      throw new Error('report');
    });
    bus.onAny(() => {
      throw new Error('listener');
    });
    expect(() => {
      bus.emit('site.ready', { site: 'a' });
    }).not.toThrow();
  });

  it('lets a listener take itself off, or another on, while it is called', () => {
    const bus = new EventBus();
    const heard: string[] = [];
    const off = bus.on('site.ready', () => {
      off();
      heard.push('first');
      bus.on('site.ready', () => heard.push('second'));
    });
    bus.emit('site.ready', { site: 'a' });
    bus.emit('site.ready', { site: 'a' });
    expect(heard).toEqual(['first', 'second']);
  });
});
