import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { StartNotes, type WaitingNote } from '../../src/liveness/start-notes.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drupald-notes-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const note: WaitingNote = {
  handle: 'uc:a b',
  stamp: '1700000000.000001',
  uri: 'https://a.example',
  context: { remote: '192.0.2.1', remotePort: 4711, headers: { 'accept-language': 'da' }, prefix: 'da' },
};

/** What the next daemon reads. */
async function next(): Promise<StartNotes> {
  const notes = new StartNotes(dir);
  await notes.load();
  return notes;
}

describe('StartNotes', () => {
  it('are empty where nothing was written', async () => {
    const notes = await next();
    expect(notes.hostsOf('s')).toEqual([]);
    expect(notes.find(note.handle, note.stamp)).toBeUndefined();
  });

  it('bring hosts and waiting starts over a restart', async () => {
    const before = new StartNotes(dir);
    before.noteHost('http://a.example', 'default');
    before.noteHost('http://a.example', 'batch');
    before.noteHost('http://a.example', 'default');
    before.noteHost('http://b.example', 'default');
    await before.save([note]);
    const after = await next();
    expect(after.hostsOf('http://a.example')).toEqual(['default', 'batch']);
    expect(after.hostsOf('http://b.example')).toEqual(['default']);
    expect(after.hostsOf('http://c.example')).toEqual([]);
    expect(after.find(note.handle, note.stamp)).toEqual(note);
  });

  it('belong to one start, not to a later one of the same handle', async () => {
    await new StartNotes(dir).save([note]);
    const after = await next();
    expect(after.find(note.handle, '1700000000.000002')).toBeUndefined();
    expect(after.find('other', note.stamp)).toBeUndefined();
  });

  it('keep no host without a name', async () => {
    const notes = new StartNotes(dir);
    notes.noteHost('s', '');
    await notes.save([]);
    expect((await next()).hostsOf('s')).toEqual([]);
  });

  it('hold no token, and no eye but that of the owner sees them', async () => {
    const start = { ...note, token: 'secret-token' };
    await new StartNotes(dir).save([start]);
    const [file] = await readdir(dir);
    expect(await readFile(join(dir, file!), 'utf8')).not.toContain('secret-token');
    expect((await stat(join(dir, file!))).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{', '[]', '{"hosts":{}}', '{"hosts":{"s":"default"},"waiting":[]}', '{"hosts":{},"waiting":[{}]}'])(
    'take an unreadable file as none: %j',
    async (content) => {
      await writeFile(join(dir, 'starts.json'), content);
      const notes = await next();
      expect(notes.hostsOf('s')).toEqual([]);
      await notes.save([note]);
      expect((await next()).find(note.handle, note.stamp)).toEqual(note);
    },
  );

  it('leave one whole file behind after many writes at once', async () => {
    const notes = new StartNotes(dir);
    for (let index = 0; index < 50; index += 1) {
      notes.noteHost('s', `host${index}`);
    }
    await notes.save([note]);
    expect(await readdir(dir)).toEqual(['starts.json']);
    const after = await next();
    expect(after.hostsOf('s')).toHaveLength(50);
    expect(after.find(note.handle, note.stamp)).toEqual(note);
  });

  it('disturb nobody when they cannot be written', async () => {
    const notes = new StartNotes(join(dir, 'missing'));
    await expect(notes.save([note])).resolves.toBeUndefined();
  });
});
