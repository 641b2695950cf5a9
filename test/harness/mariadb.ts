export { freePort } from '../../src/demo/free-port.js';
export { type DatabaseCredentials, MariaDb } from '../../src/demo/mariadb.js';
