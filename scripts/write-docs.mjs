// Writes the documents that are made from code: docs/errors.md, docs/configuration.md and docs/doctor.md.
// With --check nothing is written; the exit code is 1 when a document is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { top } from './run.mjs';

const check = process.argv.includes('--check');

export async function documents() {
  const { errorCatalog } = await import('../dist/errors.js');
  const { settings } = await import('../dist/config/schema.js');
  const { siteSettings } = await import('../dist/config/site-schema.js');
  const { environmentName } = await import('../dist/config/setting.js');
  const { scheduleSettings } = await import('../dist/config/schedule-schema.js');
  const { findingCatalog } = await import('../dist/doctor/catalog.js');
  return {
    'docs/doctor.md': doctorDocument(findingCatalog),
    'docs/errors.md': errorsDocument(errorCatalog),
    'docs/configuration.md': configurationDocument(settings, siteSettings, scheduleSettings, environmentName),
  };
}

function errorsDocument(catalog) {
  const entries = Object.values(catalog).map(({ code, message, remedy, httpStatus, exitCode }) => {
    const where = [
      `Exit code ${String(exitCode)}`,
      ...(httpStatus === undefined ? [] : [`HTTP status ${String(httpStatus)}`]),
    ];
    return [`## ${code}`, words(message), `**What to do:** ${words(remedy)}`, `${where.join(', ')}.`].join('\n\n');
  });
  return [
    '# Errors',
    'Every error that drupald tells has a code that stays the same between versions. Words in _italics_ are filled in.',
    'Exit codes: 1 failed, 2 wrong use or configuration, 75 temporary: the same may work later.',
    ...entries,
  ].join('\n\n');
}

function doctorDocument(catalog) {
  const levels = [
    ['problem', 'Problems', 'Something does not work. `drupald doctor` ends with exit code 1.'],
    ['warn', 'Warnings', 'Something costs, or processes behave differently than under the web server.'],
    ['ok', 'Information', 'Nothing needs to be done.'],
  ];
  const entry = ([code, { title, remedy }]) =>
    [`### ${code}`, words(title), ...(remedy === undefined ? [] : [`**What to do:** ${words(remedy)}`])].join('\n\n');
  return [
    '# What drupald doctor says',
    'Every finding has a code that stays the same between versions; `--json` prints it. Words in _italics_ are filled in.',
    ...levels.flatMap(([level, heading, sentence]) => [
      `## ${heading}`,
      sentence,
      ...Object.entries(catalog)
        .filter(([, found]) => found.level === level)
        .map(entry),
    ]),
  ].join('\n\n');
}

function configurationDocument(settings, siteSettings, scheduleSettings, environmentName) {
  const row = ([key, setting], variable) =>
    [
      `\`${key}\``,
      setting.sentence,
      setting.defaultText ??
        (typeof setting.default === 'string' ? `\`${setting.default}\`` : `\`${JSON.stringify(setting.default)}\``),
      `\`${setting.example}\``,
      ...(variable ? [`\`${environmentName(key)}\``] : []),
    ].join(' | ');
  return [
    '# Configuration',
    'A setting is taken from the first of these that gives it: a flag of the command line, the environment, the configuration file (YAML, `--config` or `DRUPALD_CONFIG`), the default.',
    'When neither a file nor a site is named, `drupald.yml` in the current folder is read, else `/etc/drupald/drupald.yml`; a line on standard error says so. Such a file must belong to root or to the user who starts drupald, and must not be writable for everybody.',
    'Keys with a dot are written nested or as they stand: `log: { level: debug }` is `log.level: debug`. Times take a unit (`500 ms`, `30 s`, `2 min`); a bare number means seconds. Sizes take KB, MB or GB.',
    '## Settings of the daemon',
    [
      'Key | Meaning | Default | Example | Environment',
      '--- | --- | --- | --- | ---',
      ...Object.entries(settings).map((entry) => row(entry, true)),
    ].join('\n'),
    '## Settings of a site',
    'Each entry of `sites` has these keys. On the command line `--root` begins a site and each `--uri` behind it adds an address to it; in the environment `DRUPALD_ROOT` and `DRUPALD_URI` name one site.',
    [
      'Key | Meaning | Default | Example',
      '--- | --- | --- | ---',
      ...Object.entries(siteSettings).map((entry) => row(entry, false)),
    ].join('\n'),
    '## Entries of the schedule',
    'Each entry of `schedule` has a name and these keys; only the configuration file holds entries. What they do: [scheduling.md](scheduling.md#entries-of-drupaldyml).',
    [
      'Key | Meaning | Default | Example',
      '--- | --- | --- | ---',
      ...Object.entries(scheduleSettings).map((entry) => row(entry, false)),
    ].join('\n'),
  ].join('\n\n');
}

function words(template) {
  return template.replaceAll(/"?\{(\w+)\}"?/g, '_$1_');
}

mkdirSync(join(top, 'docs'), { recursive: true });
for (const [name, content] of Object.entries(await documents())) {
  const file = join(top, name);
  const text = await format(content, { ...(await resolveConfig(file)), parser: 'markdown' });
  if (!check) {
    writeFileSync(file, text);
  } else if (readOrNull(file) !== text) {
    console.error(`${name} is out of date: run "npm run build && npm run docs".`);
    process.exitCode = 1;
  }
}

function readOrNull(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
