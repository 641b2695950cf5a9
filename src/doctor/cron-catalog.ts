/** Findings about what runs at set times, and about queues. */
export const cronCatalog = {
  crontab: {
    level: 'warn',
    title: '{site}: {file}, line {line}, calls its cron ({how}), which drupald runs by itself',
    remedy: 'Remove the line; or leave cron to it, with "cron: off" in the site\'s entry of drupald.yml.',
  },
  'crontab-only': {
    level: 'ok',
    title: '{site}: {file}, line {line}, calls its cron ({how}), which drupald leaves to it',
  },
  'cron-threshold': {
    level: 'warn',
    title:
      '{site}: the variable cron_safe_threshold is {seconds} beside Ultimate Cron: pages would run all jobs at once, whatever their rules are',
    remedy: 'Set it to 0 (drush vset cron_safe_threshold 0), also where a feature or settings.php sets it.',
  },
  'cron-rule': {
    level: 'warn',
    title: '{site}: the job {job} cannot run at set times: {reason}',
    remedy: 'Correct its rule, in Drupal, in drupald.yml ("drupald config check") or where its module defines it.',
  },
  'process-stranded': {
    level: 'warn',
    title: '{site}: the process {handle} stands as running, and nobody has it in hand: {reason}',
    remedy:
      'A drupald that serves the site cleans up after it by itself within a minute. Without one, start it, or unlock the process in Drupal.',
  },
  'queue-waits': {
    level: 'warn',
    title: '{site}: {count} items of the queue {queue} wait, the oldest for {age}',
    remedy:
      'See with "drupald queue list" whether it is left alone, and why; else give it more workers (queues.slots) or remove what nobody needs.',
  },
} as const;
