import * as kinds from './kinds.js';
import { setting, type ValueOf } from './setting.js';

/** Settings of one entry of `sites`. */
export const siteSettings = {
  root: setting({
    kind: kinds.path,
    defaultText: 'none; must be given',
    example: '/var/www/drupal',
    sentence: 'Folder of Drupal, the one that holds index.php.',
  }),
  uris: setting({
    kind: kinds.textList,
    defaultText: 'none; must be given',
    example: '[https://www.example.com]',
    sentence: 'Addresses of the site as browsers show them; the first is the main one.',
  }),
  php: setting({
    kind: kinds.phpProgram,
    defaultText: 'the setting php',
    example: '"7.4" or /usr/bin/php7.4',
    sentence: 'PHP program that runs this site, by name, path or version.',
  }),
  ini: setting({
    kind: kinds.textMap,
    default: {},
    example: '{ memory_limit: 512M }',
    sentence: 'PHP settings that the web server sets for this site.',
  }),
  env: setting({
    kind: kinds.textMap,
    default: {},
    example: '{ APP_ENV: production }',
    sentence: 'Environment variables that the web server sets for this site.',
  }),
  umask: setting({
    kind: kinds.octal,
    default: '0022',
    example: '"0002"',
    sentence: 'Mask for the mode of new files, as the web server has it.',
  }),
  serves: setting({
    kind: kinds.textList,
    defaultText: 'the service hosts whose base_url is the address that drupald listens on',
    example: '[default, background_batch]',
    sentence: 'Names of the service hosts whose processes this daemon runs.',
  }),
  cron: setting({
    kind: kinds.durationOr(1_000, 'auto', 'off'),
    default: 'auto',
    example: '15 min',
    sentence:
      'auto: cron of this site is run here, at the time that the site has set, before a page would do it; a length of time: so often, whatever the site has set; off: it is left to the site.',
  }),
  queues: setting({
    kind: kinds.choice('auto', 'off'),
    default: 'auto',
    example: 'off',
    sentence:
      'auto: items of queues that have a cron worker are run here, as soon as they are created; off: they are left to cron.',
  }),
} as const;

/** Key of a setting of one site. */
export type SiteSettingKey = keyof typeof siteSettings;

/** Checked values of one site's settings; those without default may be missing. */
export type SiteSettingValues = {
  -readonly [K in SiteSettingKey]: ValueOf<(typeof siteSettings)[K]> | (K extends 'php' | 'serves' ? undefined : never);
};
