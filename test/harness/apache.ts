import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.js';
import { freePort } from './mariadb.js';
import { ended } from './program.js';
import { waitFor } from './wait.js';

const modules = '/usr/lib/apache2/modules';

/** Whether this machine has Apache with mod_php. */
export function hasApache(): boolean {
  return existsSync('/usr/sbin/apache2') && phpModule() !== undefined;
}

function phpModule(): string | undefined {
  const names = existsSync(modules) ? readdirSync(modules) : [];
  return names.find((name) => /^libphp[\d.]+\.so$/.test(name));
}

/** What an Apache of the tests serves. */
export interface ApacheOptions {
  readonly root: string;
  /** Public path of the root: `` or `/folder`. */
  readonly basePath?: string;
  readonly account: Account;
  /** Folder of the test run. */
  readonly folder: string;
  /** Lines added to the configuration. */
  readonly extra?: string;
  readonly port?: number;
}

/** A private Apache (prefork, mod_php) in the foreground on a port of its own. */
export class Apache {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #options: ApacheOptions;

  private constructor(port: number, child: ChildProcess, folder: string, options: ApacheOptions) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts one and waits until it listens. */
  static async start(options: ApacheOptions): Promise<Apache> {
    const port = options.port ?? (await freePort());
    const folder = await mkdtemp(join(options.folder, 'apache-'));
    if (options.account.switched) {
      await chown(folder, options.account.uid, options.account.gid);
    }
    const file = join(folder, 'httpd.conf');
    await writeFile(file, configuration(options, port, folder));
    const child = spawn('/usr/sbin/apache2', ['-f', file, '-DFOREGROUND'], {
      stdio: 'ignore',
      // At its end Apache signals its whole process group, which must not be ours.
      detached: true,
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' },
    });
    const apache = new Apache(port, child, folder, options);
    await waitFor(() => (child.exitCode === null ? existsSync(join(folder, 'pid')) : apache.#failed()), {
      what: 'Apache to listen',
    });
    return apache;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Changes the added lines and reloads gracefully: requests under way end under the old ones. */
  async reconfigure(extra: string): Promise<void> {
    const resumed = async (): Promise<number> => (await this.#log()).split('resuming normal operations').length;
    const before = await resumed();
    await writeFile(
      join(this.#folder, 'httpd.conf'),
      configuration({ ...this.#options, extra }, this.port, this.#folder),
    );
    this.#child.kill('SIGUSR1');
    await waitFor(async () => (await resumed()) > before, { what: 'Apache to reload', seen: () => this.#log() });
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await ended(this.#child);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #failed(): Promise<never> {
    throw new Error(`Apache ended: ${await this.#log()}`);
  }

  #log(): Promise<string> {
    return readFile(join(this.#folder, 'error.log'), 'utf8').catch(() => 'no log');
  }
}

function configuration(options: ApacheOptions, port: number, folder: string): string {
  const { root, basePath = '', account, extra = '' } = options;
  const load = ['mpm_prefork', 'authz_core', 'rewrite', 'dir', 'mime', 'env', 'alias', 'proxy', 'proxy_http', 'headers']
    .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
    .join('\n');
  return `ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${String(port)}
ServerName site.test
${account.switched ? `User ${account.name}\nGroup #${String(account.gid)}` : ''}
${load}
LoadModule php_module ${modules}/${phpModule() ?? ''}
TypesConfig /etc/mime.types
StartServers 2
<Directory />
  AllowOverride None
</Directory>
${basePath === '' ? `DocumentRoot ${root}` : `DocumentRoot ${folder}\nAlias ${basePath} ${root}`}
<Directory ${root}>
  Options FollowSymLinks
  AllowOverride None
  Require all granted
  DirectoryIndex index.php
  RewriteEngine on
  RewriteBase ${basePath}/
  RewriteCond %{REQUEST_FILENAME} !-f
  RewriteCond %{REQUEST_FILENAME} !-d
  RewriteRule ^ index.php [L]
</Directory>
<FilesMatch "\\.php$">
  SetHandler application/x-httpd-php
</FilesMatch>
${extra.includes('AllowEncodedSlashes') ? '' : 'AllowEncodedSlashes NoDecode'}
${extra}
`;
}
