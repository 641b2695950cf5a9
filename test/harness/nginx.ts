import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, giveTo } from './account.js';
import { freePort } from './mariadb.js';
import { phpFpm, startPhpFpm } from './php-fpm.js';
import { ServerProcess } from './server-process.js';
import type { SocketServer } from './socket-server.js';
import { waitFor } from './wait.js';

const program = '/usr/sbin/nginx';

/** Whether this machine has nginx and PHP-FPM. */
export function hasNginx(): boolean {
  return existsSync(program) && phpFpm() !== undefined;
}

/** What an nginx of the tests serves. */
export interface NginxOptions {
  readonly root: string;
  readonly account: Account;
  /** Folder of the test run. */
  readonly folder: string;
  readonly port?: number;
  /** Lines of the server block, given the address for `fastcgi_pass`. */
  readonly extra: (fastcgi: string) => string;
}

/** A private nginx in the foreground on a port of its own, with a PHP-FPM behind it. */
export class Nginx {
  readonly port: number;
  readonly #server: ServerProcess;
  readonly #fpm: SocketServer;
  readonly #folder: string;
  readonly #options: NginxOptions;

  private constructor(port: number, server: ServerProcess, fpm: SocketServer, folder: string, options: NginxOptions) {
    this.port = port;
    this.#server = server;
    this.#fpm = fpm;
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts both and waits until they listen. */
  static async start(options: NginxOptions): Promise<Nginx> {
    const port = options.port ?? (await freePort());
    const folder = await mkdtemp(join(options.folder, 'nginx-'));
    await giveTo(options.account, folder);
    const fpm = await startPhpFpm(options);
    // Included by its bare name, which means: beside the configuration.
    await copyFile('/etc/nginx/fastcgi_params', join(folder, 'fastcgi_params'));
    const file = join(folder, 'nginx.conf');
    await writeFile(file, configuration(options, port, folder, fpm.socket));
    const server = await ServerProcess.start({
      name: 'nginx',
      file: program,
      args: ['-c', file, '-p', folder, '-e', join(folder, 'error.log')],
      cwd: folder,
      ready: async () => (await workersStarted(folder)) > 0,
    });
    return new Nginx(port, server, fpm, folder, options);
  }

  /** Changes the lines of the server block and reloads; requests under way end under the old ones. */
  async reconfigure(extra: NginxOptions['extra']): Promise<void> {
    const before = await workersStarted(this.#folder);
    const text = configuration({ ...this.#options, extra }, this.port, this.#folder, this.#fpm.socket);
    await writeFile(join(this.#folder, 'nginx.conf'), text);
    this.#server.signal('SIGHUP');
    await waitFor(async () => (await workersStarted(this.#folder)) > before, {
      what: 'nginx to reload',
      seen: () => readFile(join(this.#folder, 'error.log'), 'utf8'),
    });
  }

  /** Ends both and removes their folders. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#fpm.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function workersStarted(folder: string): Promise<number> {
  const log = await readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
  return log.split('start worker process ').length - 1;
}

function configuration(options: NginxOptions, port: number, folder: string, socket: string): string {
  const { account, root, extra } = options;
  const fastcgi = `unix:${socket}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n  ');
  return `${account.switched ? `user ${account.name};` : ''}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log notice;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary}
  include /etc/nginx/mime.types;
  server {
    listen 127.0.0.1:${String(port)};
    server_name site.test;
    root ${root};
    ${extra(fastcgi)}
    location / { try_files $uri @front; }
    location @front { rewrite ^ /index.php; }
    location = /index.php {
      include fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root/index.php;
      # Without it nginx drops starts of a module that does not wait for the answer, drupald or not.
      fastcgi_ignore_client_abort on;
      fastcgi_pass ${fastcgi};
    }
  }
}
`;
}
