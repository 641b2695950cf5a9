import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/events/bus.js';
import { LogListener } from '../../src/observe/log-listener.js';
import { createLog, type LogOptions } from '../../src/observe/log.js';
import { redact, redactText } from '../../src/observe/redact.js';

const TOKEN = '0123456789abcdef0123456789abcdef';

function logged(options: Partial<LogOptions> & { isTTY?: boolean }): {
  lines: string[];
  log: ReturnType<typeof createLog>;
} {
  const lines: string[] = [];
  const stream = { isTTY: options.isTTY ?? false, write: (line: string) => lines.push(line) };
  const log = createLog({ level: 'debug', format: 'json', env: {}, ...options, stream });
  return { lines, log };
}

function parsed(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? 'null') as Record<string, unknown>;
}

describe('json lines', () => {
  it('hold level, time, event, message and fields', () => {
    const { lines, log } = logged({});
    log.warn('run.ended', 'x ended', { handle: 'x', ranMs: 5 });
    expect(parsed(lines[0])).toMatchObject({
      level: 'warn',
      event: 'run.ended',
      message: 'x ended',
      handle: 'x',
      ranMs: 5,
    });
    expect(parsed(lines[0]).time).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
  });

  it('respect the level, and silence', () => {
    const { lines, log } = logged({ level: 'warn' });
    log.info('a', 'a');
    log.error('b', 'b');
    expect(lines).toHaveLength(1);
    const silent = logged({ level: 'silent' });
    silent.log.error('c', 'c');
    expect(silent.lines).toEqual([]);
  });

  it('do not let a field forge what the line says itself', () => {
    const { lines, log } = logged({});
    log.info('a', 'real', { level: 'error', time: 0, message: 'forged', event: 'forged' });
    expect(parsed(lines[0])).toMatchObject({ level: 'info', event: 'a', message: 'real' });
  });

  it('survive fields that are circular, huge or strange', () => {
    const { lines, log } = logged({});
    const circle: Record<string, unknown> = { big: 10n, bytes: Buffer.from('x'), when: new Date(0) };
    circle.self = circle;
    log.info('a', 'a', { circle, error: Object.assign(new Error('why'), { code: 'EX' }) });
    expect(parsed(lines[0])).toMatchObject({
      circle: { big: '10', bytes: '[1 bytes]', when: '1970-01-01T00:00:00.000Z' },
      error: { name: 'Error', message: 'why', code: 'EX' },
    });
  });
});

describe('secrets', () => {
  it.each(['token', 'dispatchToken', 'Cookie', 'set-cookie', 'Authorization', 'password', 'DB_PASSWORD', 'secret'])(
    'in a field named %s are never written',
    (name) => {
      const { lines, log } = logged({});
      log.info('a', 'a', { [name]: 'hush', deep: [{ [name]: ['hush'] }] });
      expect(lines[0]).toContain('[hidden]');
      expect(lines[0]).not.toContain('hush');
    },
  );

  it.each([
    `/bgp-start/h/${TOKEN}`,
    `http://a/da/bgp:start/h/${TOKEN}/`,
    `/?q=bgp%3Astart/a/b/${TOKEN}`,
    `GET /bgp-start/h/${TOKEN}/extra HTTP/1.0`,
  ])('in a start address are hidden: %s', (text) => {
    const { lines, log } = logged({});
    log.info('a', `refused ${text}`, { url: text, error: new Error(text) });
    expect(lines[0]).not.toContain(TOKEN);
    expect(lines[0]).toContain('[hidden]');
  });

  it('in the user part of an address are hidden', () => {
    expect(redactText('mysql://u:pass@db/x and https://plain/')).toBe('mysql://[hidden]@db/x and https://plain/');
  });

  it('are not seen in what only resembles them', () => {
    expect(redact({ tokens: true, path: '/bgp-start/h' })).toEqual({ tokens: true, path: '/bgp-start/h' });
  });
});

describe('pretty lines', () => {
  it('are plain off a terminal and with NO_COLOR, coloured on one', () => {
    const plain = logged({ format: 'pretty' });
    plain.log.info('run.ended', 'done', { handle: 'a b', pid: 3 });
    expect(plain.lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}done handle="a b" pid=3 \(run\.ended\)\n$/);
    const noColor = logged({ format: 'pretty', isTTY: true, env: { NO_COLOR: '1' } });
    noColor.log.info('a', 'done');
    expect(noColor.lines[0]).not.toContain('\u001b');
    const colour = logged({ format: 'auto', isTTY: true });
    colour.log.error('a', 'done');
    expect(colour.lines[0]).toContain('\u001b[31m');
  });

  it('are one line whatever a site writes, without terminal sequences of its own', () => {
    const { lines, log } = logged({ format: 'pretty' });
    log.info('a', 'one\ntwo\u001b[2J', { field: 'x\u001b[0m' });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(lines[0]).not.toContain('\u001b');
  });

  it('are not chosen by auto off a terminal', () => {
    const { lines, log } = logged({ format: 'auto' });
    log.info('a', 'x');
    expect(lines[0]).toMatch(/^\{/);
  });
});

describe('LogListener', () => {
  it('writes one line for each event, weighed by what happened', async () => {
    const { lines, log } = logged({});
    const bus = new EventBus();
    const listener = new LogListener(bus, log);
    await listener.start();
    bus.emit('run.ended', { handle: 'h', outcome: 'completed', ranMs: 1500 });
    bus.emit('run.ended', { handle: 'h', outcome: 'fatal', sentence: 'It broke.' });
    bus.emit('start.refused', { code: 'DRUPALD_START_UNAVAILABLE', status: 503, reason: 'stopping' });
    await listener.stop();
    bus.emit('run.ended', { handle: 'h', outcome: 'completed' });
    expect(lines.map((line) => [parsed(line).level, parsed(line).message])).toEqual([
      ['info', 'h completed after 1.5 s.'],
      ['warn', 'h ended: It broke.'],
      ['warn', 'Start refused with 503: stopping'],
    ]);
    expect(parsed(lines[1])).toMatchObject({ event: 'run.ended', outcome: 'fatal', handle: 'h' });
  });
});
