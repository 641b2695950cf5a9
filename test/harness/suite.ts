import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootedSite } from './booted-site.js';
import { MariaDb } from './mariadb.js';
import { realDrupal } from './paths.js';
import { installReal } from './real-site.js';
import type { SiteKind } from './site.js';
import { installStandIn } from './stand-in.js';
import { copySite, type CopyOptions, loadTemplate, saveTemplate } from './template.js';
import { temporaryFolder } from './up-site.js';

/** What the global set-up hands to each test file. */
export interface SuiteFacts {
  readonly folder: string;
  readonly port: number;
}

/** One MariaDB server and the installed sites that test files copy. */
export class Suite {
  readonly server: MariaDb;
  readonly folder: string;
  readonly #owned: boolean;

  private constructor(server: MariaDb, folder: string, owned: boolean) {
    this.server = server;
    this.folder = folder;
    this.#owned = owned;
  }

  /** Starts a server below a new folder. */
  static async create(): Promise<Suite> {
    const folder = await temporaryFolder('suite');
    return new Suite(await MariaDb.start(join(folder, 'mariadb')), folder, true);
  }

  /** Uses the server that another process started. */
  static attach(facts: SuiteFacts): Suite {
    const server = MariaDb.attach(join(facts.folder, 'mariadb'), facts.port);
    return new Suite(server, facts.folder, false);
  }

  get facts(): SuiteFacts {
    return { folder: this.folder, port: this.server.port };
  }

  /** A site of its own, installed the first time that its kind is asked for. */
  async site(kind: SiteKind, options: CopyOptions & { server?: MariaDb } = {}): Promise<BootedSite> {
    await this.install(kind);
    const template = await loadTemplate(this.folder, kind);
    if (template === undefined) {
      throw new Error(`There is no template of kind ${kind}.`);
    }
    return await copySite(template, options.server ?? this.server, this.folder, options);
  }

  /** Installs what sites of a kind are copied from, unless it is there. Not for two at a time. */
  async install(kind: SiteKind): Promise<void> {
    if ((await loadTemplate(this.folder, kind)) !== undefined) {
      return;
    }
    const source = realDrupal();
    if (kind === 'real' && source === undefined) {
      throw new Error('A test asked for a real Drupal 7 where there is none.');
    }
    await saveTemplate(
      this.folder,
      kind === 'real' && source !== undefined
        ? await installReal(source, this.server, this.folder)
        : await installStandIn(this.server, this.folder),
    );
  }

  /** Stops the server and removes the folder, if they are this suite's own. */
  async close(): Promise<void> {
    if (this.#owned) {
      await this.server.stop();
      await rm(this.folder, { recursive: true, force: true });
    }
  }
}
