import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { BaseComponent } from '../../src/components/component.js';
import { ComponentGroup } from '../../src/components/group.js';
import { onStopSignals } from '../../src/components/signals.js';
import { Deferred } from '../../src/support/deferred.js';

class Probe extends BaseComponent {
  starts = 0;
  stops = 0;

  constructor(
    readonly name = 'probe',
    private readonly log: string[] = [],
    private readonly work: { start?: () => Promise<void> | void; stop?: () => Promise<void> | void } = {},
  ) {
    super();
  }

  protected async onStart(): Promise<void> {
    this.starts += 1;
    await this.work.start?.();
    this.log.push(`+${this.name}`);
  }

  protected async onStop(): Promise<void> {
    this.stops += 1;
    await this.work.stop?.();
    this.log.push(`-${this.name}`);
  }
}

describe('BaseComponent', () => {
  it('starts once in its life', async () => {
    const probe = new Probe();
    await probe.start();
    await expect(probe.start()).rejects.toThrow('The component probe cannot be started: it is started');
    await probe.stop();
    await expect(probe.start()).rejects.toThrow('it is stopped');
    expect(probe).toMatchObject({ starts: 1, stops: 1 });
  });

  it('refuses a second start while the first is under way', async () => {
    const probe = new Probe();
    const first = probe.start();
    await expect(probe.start()).rejects.toThrow('it is starting');
    await first;
    expect(probe.starts).toBe(1);
  });

  it('stops once, however often it is asked', async () => {
    const gate = new Deferred();
    const probe = new Probe('probe', [], { stop: () => gate.promise });
    await probe.start();
    const stops = [probe.stop(), probe.stop()];
    expect(probe.state).toBe('stopping');
    gate.resolve();
    await Promise.all([...stops, probe.stop()]);
    expect(probe).toMatchObject({ stops: 1, state: 'stopped' });
  });

  it('may be stopped before its start, which then never happens', async () => {
    const probe = new Probe();
    await probe.stop();
    await expect(probe.start()).rejects.toThrow('it is stopped');
    expect(probe).toMatchObject({ starts: 0, stops: 0 });
  });

  it('waits with a stop for the start that is under way', async () => {
    const gate = new Deferred();
    const log: string[] = [];
    const probe = new Probe('probe', log, { start: () => gate.promise });
    const start = probe.start();
    const stop = probe.stop();
    gate.resolve();
    await Promise.all([start, stop]);
    expect(log).toEqual(['+probe', '-probe']);
    expect(probe.state).toBe('stopped');
  });

  it('cleans up after a start that failed, and tells why it failed', async () => {
    const fails = {
      start: () => Promise.reject(new Error('no port')),
      stop: () => Promise.reject(new Error('no clean-up')),
    };
    const probe = new Probe('probe', [], fails);
    await expect(probe.start()).rejects.toThrow('no port');
    expect(probe).toMatchObject({ stops: 1, state: 'stopped' });
  });

  it('cleans up once when a stop came during a start that fails', async () => {
    const gate = new Deferred();
    const probe = new Probe('probe', [], { start: () => gate.promise });
    const start = probe.start();
    const stop = probe.stop();
    gate.reject(new Error('no port'));
    await expect(start).rejects.toThrow('no port');
    await stop;
    expect(probe).toMatchObject({ stops: 1, state: 'stopped' });
  });

  it('holds its contract when starts and stops come in any order', async () => {
    let seed = 11;
    const next = (limit: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * limit);
    };
    const pause = async (): Promise<void> => {
      for (let turn = next(4); turn > 0; turn -= 1) await new Promise(setImmediate);
    };
    for (let round = 0; round < 500; round += 1) {
      const fails = next(4) === 0;
      const probe = new Probe('probe', [], {
        start: async () => {
          await pause();
          if (fails) throw new Error('by plan');
        },
        stop: pause,
      });
      const calls = Array.from({ length: 2 + next(6) }, async () => {
        await pause();
        await (next(2) === 0 ? probe.start() : probe.stop());
      });
      await Promise.allSettled([...calls]);
      await probe.stop();
      expect(probe.state).toBe('stopped');
      expect(probe.starts).toBeLessThanOrEqual(1);
      expect(probe.stops).toBe(probe.starts);
    }
  });
});

describe('ComponentGroup', () => {
  it('starts in order and stops in reverse', async () => {
    const log: string[] = [];
    const group = new ComponentGroup('all', [new Probe('a', log), new Probe('b', log), new Probe('c', log)]);
    await group.start();
    await group.stop();
    expect(log).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
  });

  it('stops those that were started when one cannot start', async () => {
    const log: string[] = [];
    const bad = new Probe('b', log, { start: () => Promise.reject(new Error('b fails')) });
    const never = new Probe('c', log);
    const group = new ComponentGroup('all', [new Probe('a', log), bad, never]);
    await expect(group.start()).rejects.toThrow('b fails');
    expect(log).toEqual(['+a', '-b', '-a']);
    expect(never.starts).toBe(0);
  });

  it('stops the others when one cannot stop, and tells the first error', async () => {
    const log: string[] = [];
    const bad = new Probe('b', log, { stop: () => Promise.reject(new Error('b stays')) });
    const group = new ComponentGroup('all', [new Probe('a', log), bad, new Probe('c', log)]);
    await group.start();
    await expect(group.stop()).rejects.toThrow('b stays');
    expect(log).toEqual(['+a', '+b', '+c', '-c', '-a']);
  });

  it('does not start the rest once a stop was asked for', async () => {
    const begun = new Deferred();
    const gate = new Deferred();
    const log: string[] = [];
    const rest = new Probe('b', log);
    const first = new Probe('a', log, {
      start: () => {
        begun.resolve();
        return gate.promise;
      },
    });
    const group = new ComponentGroup('all', [first, rest]);
    const start = group.start();
    await begun.promise;
    const stop = group.stop();
    gate.resolve();
    await Promise.all([start, stop]);
    expect(log).toEqual(['+a', '-a']);
    expect(rest.starts).toBe(0);
  });
});

describe('onStopSignals', () => {
  it('stops on the first signal, hurries on the later ones, and can be taken off', () => {
    const source = new EventEmitter();
    const heard: string[] = [];
    const off = onStopSignals(
      { onStop: (name) => heard.push(`stop ${name}`), onHurry: (name) => heard.push(`hurry ${name}`) },
      source,
    );
    source.emit('SIGTERM', 'SIGTERM');
    source.emit('SIGINT', 'SIGINT');
    source.emit('SIGTERM', 'SIGTERM');
    off();
    source.emit('SIGTERM', 'SIGTERM');
    expect(heard).toEqual(['stop SIGTERM', 'hurry SIGINT', 'hurry SIGTERM']);
    expect(source.listenerCount('SIGINT')).toBe(0);
  });
});
