/** Where a Redis is, and how it lets us in. */
export interface RedisAddress {
  /** For people: without user and password. */
  readonly shown: string;
  readonly options: {
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
    readonly db?: number;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: { readonly servername: string };
  };
}

/** @param url as the setting holds it */
export function redisAddress(url: string): RedisAddress {
  const { protocol, hostname, port, pathname, username, password } = new URL(url);
  const login = {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
  if (protocol === 'unix:') {
    const path = decodeURIComponent(pathname);
    return { shown: path, options: { path, ...login } };
  }
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const db = Number(pathname.slice(1) || 0);
  const number = Number(port === '' ? 6379 : port);
  return {
    shown: `${hostname}:${number}${db === 0 ? '' : `, database ${db}`}`,
    options: { host, port: number, db, ...login, ...(protocol === 'rediss:' ? { tls: { servername: host } } : {}) },
  };
}
