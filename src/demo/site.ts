import { chmod, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { giveTo, unprivilegedAccount } from './account.js';
import type { DatabaseCredentials } from './mariadb.js';
import type { PrivateFolder } from './private-folder.js';
import { mustRun } from './program.js';
import { Service } from './service.js';
import { writeSettings } from './settings-file.js';
import { waitFor } from './wait.js';

/** Requests that PHP's own server answers at the same time. */
const WEB_WORKERS = 4;

const answerSchema = z.object({
  starts: z.array(
    z.object({
      handle: z.union([z.string(), z.literal(false), z.null()]),
      asked: z.string().nullable(),
      callback: z.string(),
    }),
  ),
});

/** What the site says of one start. */
export interface SiteStart {
  /** Handle; false: it was taken; null: nobody could be asked. */
  readonly handle: string | false | null;
  /** Handle that was asked for. */
  readonly asked: string | null;
  /** Callback as people write it. */
  readonly callback: string;
}

/** Where the demo's site is and what it needs to know. */
export interface DemoSiteOptions {
  /** The stand-in site of the repository. */
  readonly source: string;
  readonly database: DatabaseCredentials;
  readonly port: number;
  /** Address of the daemon. */
  readonly daemon: string;
}

/** The stand-in site, installed in the private folder. */
export class DemoSite {
  readonly root: string;
  /** Address without a slash at its end. */
  readonly uri: string;
  readonly #folder: PrivateFolder;
  readonly #port: number;

  private constructor(folder: PrivateFolder, root: string, port: number) {
    this.#folder = folder;
    this.root = root;
    this.#port = port;
    this.uri = `http://127.0.0.1:${port}`;
  }

  /** Copies the site's files and makes its tables. @throws Error with PHP's words */
  static async install(folder: PrivateFolder, options: DemoSiteOptions): Promise<DemoSite> {
    const account = unprivilegedAccount();
    const root = await folder.room('site');
    const site = new DemoSite(folder, root, options.port);
    await cp(options.source, root, { recursive: true });
    await mkdir(join(root, 'sites/default/files'), { recursive: true });
    await chmod(root, 0o700);
    await giveTo(account, root);
    await writeSettings(join(root, 'sites/default/settings.php'), {
      database: options.database,
      conf: {
        background_process_service_hosts: {
          default: { base_url: options.daemon, http_host: `127.0.0.1:${options.port}` },
        },
      },
    });
    await mustRun('php', [join(root, 'scripts/install.php')], { cwd: folder.path, account });
    return site;
  }

  /** Serves the site by PHP's own web server and waits until it answers. */
  async serve(): Promise<Service> {
    const service = await Service.start(this.#folder, {
      name: "PHP's web server",
      file: 'php',
      args: ['-S', `127.0.0.1:${this.#port}`, '-t', this.root, join(this.root, 'sites/all/modules/demo/router.php')],
      env: { ...process.env, PHP_CLI_SERVER_WORKERS: String(WEB_WORKERS) },
      account: unprivilegedAccount(),
      log: join(this.#folder.path, 'web.log'),
    });
    let end: string | undefined;
    void service.ended.then((sentence) => (end = sentence));
    await waitFor(
      async () => {
        if (end !== undefined) throw new Error(end);
        const answer = await fetch(`${this.uri}/demo`).catch(() => undefined);
        await answer?.arrayBuffer();
        return answer?.status === 200;
      },
      { what: 'the site to answer' },
    );
    return service;
  }

  /** Has the site start what a name stands for, with its own functions, in a page request. */
  async begin(name: string): Promise<readonly SiteStart[]> {
    const answer = await fetch(`${this.uri}/demo/begin/${name}`);
    const text = await answer.text();
    try {
      return answerSchema.parse(JSON.parse(text)).starts;
    } catch (cause) {
      throw new Error(`The site answered ${answer.status} to the start of "${name}": ${text.slice(0, 500)}`, { cause });
    }
  }
}
