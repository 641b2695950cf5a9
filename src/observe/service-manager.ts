import { execa } from 'execa';

import { BaseComponent } from '../components/component.js';
import type { EventBus } from '../events/bus.js';

/** Milliseconds that a message may take: the service manager itself may be busy. */
const patience = 10_000;

/** Sends a message to the service manager. @throws when it could not be sent */
export type SendNotice = (lines: readonly string[]) => Promise<unknown>;

/** How the service manager has asked to be told. */
export interface NoticeWish {
  readonly send: SendNotice;
  /** Milliseconds between two signs of life; undefined: it wants none. */
  readonly watchdog: number | undefined;
}

/**
 * What the service manager that started this very process wants to be told
 * (sd_notify(3)); undefined: there is none, or it wants nothing.
 *
 * The variables are taken out of the environment: they are not for our children.
 * Node cannot send datagrams to a Unix socket, so the program that comes with systemd
 * does: it also knows abstract addresses, and it waits until its message was read.
 */
export function noticeWish(env: NodeJS.ProcessEnv = process.env, pid = process.pid): NoticeWish | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched, PATH: path } = env;
  delete env.NOTIFY_SOCKET;
  delete env.WATCHDOG_USEC;
  delete env.WATCHDOG_PID;
  if (!socket) {
    return undefined;
  }
  const asked = watched === undefined || watched === String(pid);
  const limit = asked && microseconds !== undefined ? Number(microseconds) / 1000 : Number.NaN;
  return {
    send: (lines) =>
      execa('systemd-notify', [...lines], {
        extendEnv: false,
        env: { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) },
        stdin: 'ignore',
        timeout: patience,
      }),
    // It asks for half of the time that it waits; one that is lost then costs nothing.
    watchdog: limit > 0 ? limit / 4 : undefined,
  };
}

/** Tells the service manager that the daemon takes starts, that it stops, how it is, and that it lives. */
export class ServiceManager extends BaseComponent {
  readonly name = 'service-manager';
  readonly #bus: EventBus;
  readonly #wish: NoticeWish | undefined;
  readonly #troubled = new Set<string>();
  #offs: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  /** Messages that are not sent yet. */
  #waiting = 0;
  #failed = false;
  #ready = '';

  constructor(bus: EventBus, wish: NoticeWish | undefined) {
    super();
    this.#bus = bus;
    this.#wish = wish;
  }

  protected override onStart(): void {
    const wish = this.#wish;
    if (!wish) {
      return;
    }
    this.#offs = [
      this.#bus.on('daemon.ready', ({ listen, sites }) => {
        this.#ready = `Takes starts on ${listen} for ${sites} ${sites === 1 ? 'site' : 'sites'}`;
        this.#tell('READY=1', this.#status());
      }),
      this.#bus.on('daemon.stopping', ({ running }) => {
        this.#ready = '';
        this.#tell('STOPPING=1', `STATUS=Stopping; ${running} running`);
      }),
      this.#bus.on('site.cannot-boot', ({ site }) => {
        this.#troubled.add(site);
        this.#tellStatus();
      }),
      this.#bus.on('site.recovered', ({ site }) => {
        this.#troubled.delete(site);
        this.#tellStatus();
      }),
    ];
    if (wish.watchdog !== undefined) {
      // A timer of the event loop: where that hangs, nothing is told.
      this.#timer = setInterval(() => this.#tellAlive(), wish.watchdog);
      this.#timer.unref();
    }
  }

  protected override async onStop(): Promise<void> {
    clearInterval(this.#timer);
    for (const off of this.#offs) {
      off();
    }
    await this.#sending;
  }

  #status(): string {
    const broken = this.#troubled.size === 0 ? '' : `; cannot boot: ${[...this.#troubled].join(', ')}`;
    return `STATUS=${this.#ready}${broken}`;
  }

  #tellAlive(): void {
    if (this.#waiting === 0) {
      // Before version 246 systemd may miss what a program said that has ended since: once more.
      this.#tell('WATCHDOG=1', ...(this.#ready === '' ? [] : ['READY=1']));
    }
  }

  #tellStatus(): void {
    if (this.#ready !== '') {
      this.#tell(this.#status());
    }
  }

  /** One after the other, so that the last word is the last. */
  #tell(...lines: string[]): void {
    this.#waiting += 1;
    this.#sending = this.#sending.then(async () => {
      try {
        await this.#wish?.send(lines);
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) {
          this.#failed = true;
          const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
          this.#bus.emit('service-manager.deaf', { reason });
        }
      } finally {
        this.#waiting -= 1;
      }
    });
  }
}
