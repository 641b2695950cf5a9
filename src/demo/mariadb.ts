import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { type Account, giveTo, spawnAs, unprivilegedAccount } from './account.js';
import { freePort } from './free-port.js';
import { ended, mustRun } from './program.js';
import { waitFor } from './wait.js';

/** How a site reaches its database. */
export interface DatabaseCredentials {
  readonly host: string;
  readonly port: number;
  /** Unix socket of the same server. */
  readonly socket: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** How a server is started. */
export interface MariaDbOptions {
  /** In a session of its own, which the Ctrl-C of a terminal does not reach. */
  readonly detached?: boolean;
  /** Told the process id of each started server before anything waits for it. */
  readonly onStart?: (pid: number) => Promise<void>;
  /** Keeps what was committed when the server is killed, at the price of waiting for the disk. */
  readonly durable?: boolean;
}

/** The environment with the folders of servers, which the PATH of an ordinary user leaves out. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` };
}

/** A private MariaDB server with its own folder, socket and port; it never touches one of the system. */
export class MariaDb {
  readonly #folder: string;
  readonly #account: Account;
  readonly #options: MariaDbOptions;
  readonly port: number;
  #child: ChildProcess | undefined;
  #errors = '';

  private constructor(folder: string, port: number, options: MariaDbOptions = {}) {
    this.#folder = folder;
    this.#account = unprivilegedAccount();
    this.port = port;
    this.#options = options;
  }

  /** Makes a data folder below `folder` (which is created) and starts a server on it. */
  static async start(folder: string, options: MariaDbOptions = {}): Promise<MariaDb> {
    const server = new MariaDb(folder, await freePort(), options);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await giveTo(server.#account, folder);
    await mustRun(
      'mariadb-install-db',
      [
        '--no-defaults',
        `--datadir=${join(folder, 'data')}`,
        // Another server that starts removes what looks like a left-over from the folder that all share.
        `--tmpdir=${folder}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--skip-name-resolve',
        ...server.#userFlag(),
      ],
      { cwd: folder, env: serverEnvironment() },
    );
    await server.restart();
    // The administrator has no password: the socket in the private folder stays the only way to be it.
    await server.administer("DELETE FROM mysql.global_priv WHERE Host <> 'localhost' OR User = ''; FLUSH PRIVILEGES");
    return server;
  }

  /** The server that another process started in `folder`; stop and kill9 do nothing to it. */
  static attach(folder: string, port: number): MariaDb {
    return new MariaDb(folder, port);
  }

  get folder(): string {
    return this.#folder;
  }

  get socket(): string {
    return join(this.#folder, 'db.sock');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #userFlag(): string[] {
    return this.#account.switched ? [`--user=${this.#account.name}`] : [];
  }

  /** Starts the server again on the data it had. */
  async restart(): Promise<void> {
    const child = spawn(
      'mariadbd',
      [
        '--no-defaults',
        `--datadir=${join(this.#folder, 'data')}`,
        `--socket=${this.socket}`,
        `--port=${this.port}`,
        '--bind-address=127.0.0.1',
        `--pid-file=${join(this.#folder, 'db.pid')}`,
        `--tmpdir=${this.#folder}`,
        '--skip-name-resolve',
        '--innodb-buffer-pool-size=96M',
        '--innodb-log-file-size=32M',
        ...(this.#options.durable === true
          ? ['--innodb-flush-log-at-trx-commit=1', '--innodb-doublewrite=1']
          : ['--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=0', '--innodb-flush-method=nosync']),
        '--max-allowed-packet=64M',
        '--max-connections=300',
        '--character-set-server=utf8mb4',
      ],
      {
        cwd: this.#folder,
        env: serverEnvironment(),
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: this.#options.detached ?? false,
        ...spawnAs(this.#account),
      },
    );
    this.#child = child;
    if (child.pid !== undefined) {
      await this.#options.onStart?.(child.pid);
    }
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-8000);
    });
    await waitFor(
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`mariadbd ended at its start:\n${this.#errors}`);
        }
        const connection = await this.#asAdministrator().catch(() => undefined);
        await connection?.end();
        return connection !== undefined;
      },
      { what: 'MariaDB to accept connections', seen: () => this.#errors },
    );
  }

  #asAdministrator(): Promise<Connection> {
    return createConnection({ socketPath: this.socket, user: 'root', multipleStatements: true });
  }

  /** Runs statements as the server's administrator; the last result set is returned. */
  async administer(sql: string, values: readonly unknown[] = []): Promise<unknown> {
    const connection = await this.#asAdministrator();
    try {
      const [rows] = await connection.query(sql, [...values]);
      return rows;
    } finally {
      await connection.end();
    }
  }

  /** Makes an empty database and an ordinary user who owns it and nothing else. */
  async createDatabase(name: string): Promise<DatabaseCredentials> {
    const password = randomBytes(9).toString('hex');
    const user = `u_${name}`.slice(0, 60);
    const accounts = [`'${user}'@'127.0.0.1'`, `'${user}'@'localhost'`];
    await this.administer(
      [
        `CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`,
        ...accounts.map((account) => `CREATE USER ${account} IDENTIFIED BY '${password}'`),
        ...accounts.map((account) => `GRANT ALL ON \`${name}\`.* TO ${account}`),
      ].join(';'),
    );
    return {
      host: '127.0.0.1',
      port: this.port,
      socket: this.socket,
      user,
      password,
      database: name,
    };
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await ended(child);
    }
  }

  /** Shuts the server down and waits for its end. Safe to call twice. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Kills the server with SIGKILL and waits for its end. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops the server and removes everything that it wrote. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
