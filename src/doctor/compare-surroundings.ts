import type { Surroundings } from '../sites/description.js';
import { finding, type Finding } from './findings.js';

/** ini settings whose difference is only a difference of place, or is told otherwise. */
const harmless = new Set([
  'include_path',
  'session.save_path',
  'max_input_time',
  'error_reporting',
  'disable_functions',
]);

/** Functions that a web server has no use for and drupald needs: Debian disables them for Apache alone. */
const ownToCommandLine = /^(pcntl|posix)_/;

/**
 * What differs between the PHP of a site's workers and the web server's.
 *
 * @param ours the workers'
 * @param theirs the web server's
 */
export function compareSurroundings(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  return [
    ...compareVersion(site, ours, theirs),
    ...compareIni(site, ours, theirs),
    ...compareFunctions(site, ours, theirs),
    ...compareEnvironment(site, ours, theirs),
    ...compareExtensions(site, ours, theirs),
    ...compareUser(site, ours, theirs),
  ];
}

function compareVersion(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const branchOf = (version: string): string => version.split('.').slice(0, 2).join('.');
  const branch = branchOf(theirs.version);
  return branchOf(ours.version) === branch
    ? []
    : [finding('web-version', { site, theirs: theirs.version, ours: ours.version, branch })];
}

function compareIni(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  return Object.entries(theirs.ini)
    .filter(([setting, value]) => !harmless.has(setting) && ours.ini[setting] !== value)
    .map(([setting, value]) => finding('web-ini', { site, setting, theirs: value, ours: ours.ini[setting] ?? '' }));
}

function compareFunctions(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const disabled = ({ ini }: Surroundings): string[] =>
    (ini.disable_functions ?? '').split(/[\s,]+/).filter((name) => name !== '' && !ownToCommandLine.test(name));
  const [here, there] = [disabled(ours), disabled(theirs)];
  const onlyHere = here.filter((name) => !there.includes(name));
  const onlyThere = there.filter((name) => !here.includes(name));
  return [
    ...(onlyHere.length > 0 ? [finding('web-functions', { site, functions: onlyHere.join(', ') })] : []),
    ...(onlyThere.length > 0 ? [finding('web-disabled', { site, functions: onlyThere.join(', ') })] : []),
  ];
}

function compareEnvironment(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const names = Object.keys(theirs.environment).filter((key) => ours.environment[key] !== theirs.environment[key]);
  return names.map((name) =>
    finding('web-environment', {
      site,
      name,
      how: name in ours.environment ? 'have with another value' : 'do not have',
    }),
  );
}

function compareExtensions(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const missing = theirs.extensions.filter((extension) => !ours.extensions.includes(extension));
  return missing.length === 0 ? [] : [finding('web-extensions', { site, extensions: missing.join(', ') })];
}

function compareUser(site: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const findings: Finding[] = [];
  if (theirs.umask !== ours.umask) {
    findings.push(finding('web-umask', { site, theirs: theirs.umask, ours: ours.umask }));
  }
  if (theirs.user >= 0 && theirs.user !== ours.user) {
    findings.push(finding('web-user', { site, theirs: theirs.user, ours: ours.user }));
  }
  return findings;
}
