/** Findings about addresses: service hosts, several URIs, http and https. */
export const hostCatalog = {
  serves: {
    level: 'ok',
    title: '{site}: serves {hosts}',
  },
  'no-service-host': {
    level: 'warn',
    title: '{site}: no service host of the site leads to {listen}',
    remedy:
      'Point one to it in settings.php ($conf[\'background_process_service_hosts\']), or let the web server pass /bgp-start/ on and name the service hosts in "serves".',
  },
  'service-host-https': {
    level: 'problem',
    title: '{site}: the service host {host} leads to drupald by https, which drupald does not speak',
    remedy: 'Begin the base_url of that service host with http://, or put a web server with a certificate in between.',
  },
  'http-host-missing': {
    level: 'problem',
    title: '{site}: the service host {host} names no http_host, and drupald serves several sites',
    remedy: 'Add http_host with the address of the site to that service host: its starts are answered with 421.',
  },
  'http-host-ambiguous': {
    level: 'warn',
    title: '{site}: the service host {host} names no http_host, so its processes all run as {uri}',
    remedy: 'Add http_host with the address that they are to run under to that service host.',
  },
  'http-host-unknown': {
    level: 'problem',
    title: '{site}: the service host {host} names the http_host {value}, which is no address of the site here',
    remedy: 'Correct http_host, or name that address as another --uri of the site: its starts are answered with 421.',
  },
  'service-host-unknown': {
    level: 'warn',
    title: '{setting} names {host}, which no site here defines as a service host',
    remedy: 'Correct the name, or take it out: as it stands it does nothing.',
  },
  'scheme-not-covered': {
    level: 'warn',
    title: "{site}: the site is used over http and https ($conf['https']), but drupald knows only {known}",
    remedy: 'Name the address with {missing}, too, as another --uri; the first one counts when a start does not tell.',
  },
  'several-schemes': {
    level: 'ok',
    title: '{site} is served over http and https: a start that no proxy announces with X-Forwarded-Proto runs as {uri}',
  },
  'base-url': {
    level: 'warn',
    title: '{site}: settings.php sets $base_url to {value}, while drupald was given {uri}',
    remedy: 'Name the address in $base_url as --uri, or correct $base_url: links and paths of processes follow it.',
  },
} as const;
