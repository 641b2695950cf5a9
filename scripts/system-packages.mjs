import { readdirSync } from 'node:fs';

/**
 * Debian packages that the tests need, and how to see that each is there already. Nothing here brings a
 * running service: the suite starts its own database in its own folder.
 */
export const systemPackages = [
  { name: 'mariadb-server-core', program: ['mariadbd', 'mysqld'] },
  { name: 'mariadb-client-core', program: ['mariadb', 'mysql'] },
  { name: 'apache2-bin', program: ['/usr/sbin/apache2'] },
  { name: 'libapache2-mod-php', program: apacheModules('libphp') },
  { name: 'php-cli', program: ['php'] },
  { name: 'php-mysql', extension: 'pdo_mysql' },
  { name: 'php-xml', extension: 'dom' },
  { name: 'php-mbstring', extension: 'mbstring' },
  { name: 'php-gd', extension: 'gd' },
];

/** Paths of Apache's modules of that name; an empty list counts as missing. */
function apacheModules(name) {
  const folder = '/usr/lib/apache2/modules';
  try {
    return readdirSync(folder)
      .filter((file) => file.startsWith(name))
      .map((file) => `${folder}/${file}`);
  } catch {
    return [];
  }
}
