import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';

import { afterEach, describe, expect, it } from 'vitest';

import { identify, isAlive } from '../../src/process/identity.js';

const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  }
});

async function program(script: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

const waits = 'process.stdout.write("up"); process.stdin.resume();';

describe('identify', () => {
  it('knows this process by its number and start time', async () => {
    const identity = await identify(process.pid);
    expect(identity?.pid).toBe(process.pid);
    expect(identity?.startTicks).toMatch(/^\d+$/);
    expect(await isAlive(identity!)).toBe(true);
  });

  it('finds nobody under a number that no process has', async () => {
    expect(await identify(2 ** 30)).toBeUndefined();
  });

  it('reads the fields behind a name with parentheses and blanks', async () => {
    const child = await program(`process.title = 'a) R 1 (b'; ${waits}`);
    const identity = await identify(child.pid!);
    const before = await identify(process.pid);
    expect(Number(identity?.startTicks)).toBeGreaterThanOrEqual(Number(before?.startTicks));
    expect(await isAlive(identity!)).toBe(true);
  });
});

describe('isAlive', () => {
  it('is false once the process has ended', async () => {
    const child = await program(waits);
    const identity = await identify(child.pid!);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect(await isAlive(identity!)).toBe(false);
  });

  it('is false for another process with the same number', async () => {
    const identity = await identify(process.pid);
    expect(await isAlive({ ...identity!, startTicks: '1' })).toBe(false);
  });

  it('counts a process that waits to be reaped as dead', async () => {
    // The shell's child waits for a line on descriptor 3; `cat`, which replaces the shell, never reaps it.
    const script = 'sh -c "read line" <&3 & echo $!; exec cat';
    const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
    started.push(child);
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(await identify(pid)).toBeDefined();
    const echoed = once(child.stdout!, 'data');
    child.stdin!.write('are you cat?');
    await echoed;
    (child.stdio[3] as Writable).end('go\n');
    await expect.poll(() => identify(pid)).toBeUndefined();
    // It is still in the table of processes: the number is taken.
    expect(() => process.kill(pid, 0)).not.toThrow();
  });
});
