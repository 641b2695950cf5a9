/**
 * Debian packages that the tests need, and how to see that each is there already. Nothing here brings a
 * running service: the suite starts its own database in its own folder.
 */
export const systemPackages = [
  { name: 'mariadb-server-core', program: ['mariadbd', 'mysqld'] },
  { name: 'mariadb-client-core', program: ['mariadb', 'mysql'] },
  { name: 'apache2-bin', program: ['apache2'] },
  { name: 'libapache2-mod-php', apacheModule: 'libphp' },
  { name: 'php-cli', program: ['php'] },
  { name: 'php-mysql', extension: 'pdo_mysql' },
  { name: 'php-xml', extension: 'dom' },
  { name: 'php-mbstring', extension: 'mbstring' },
  { name: 'php-gd', extension: 'gd' },
  { name: 'php-redis', extension: 'redis' },
  { name: 'php-memcached', extension: 'memcached' },
  { name: 'php-apcu', extension: 'apcu' },
  { name: 'php-curl', extension: 'curl' },
  // Only its program: the suite starts one of its own behind nginx.
  { name: 'php-fpm', program: ['php-fpm8.4', 'php-fpm8.3', 'php-fpm8.2', 'php-fpm'] },
  { name: 'nginx-light', program: ['nginx'] },
  { name: 'redis-server', program: ['redis-server'] },
  { name: 'memcached', program: ['memcached'] },
  { name: 'faketime', program: ['faketime'] },
  // Large, and looked at pages with by the tests alone.
  { name: 'chromium', program: ['chromium', 'chromium-browser', 'google-chrome'], tests: true },
];
