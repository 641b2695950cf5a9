export { type Account, giveTo, spawnAs, unprivilegedAccount as testAccount } from '../../src/demo/account.js';
