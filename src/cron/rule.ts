/** The fields of a crontab rule in the order in which they are written. */
export type RuleField = 'minute' | 'hour' | 'day' | 'month' | 'weekday';

/** Their names and what they may hold. */
export const ruleFields: readonly { readonly name: RuleField; readonly min: number; readonly max: number }[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'weekday', min: 0, max: 6 },
];

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** More values than any sensible range has: a longer one is a slip of the pen. */
export const mostValues = 10_000;

/** When a rule fires, read from its text. */
export interface Rule {
  readonly text: string;
  /** Minutes of an hour, ascending. */
  readonly minutes: readonly number[];
  /** Hours of a day, ascending. */
  readonly hours: readonly number[];
  /** The hour is left open (written with a `*`, or all 24 written out): the rule follows the clock through a change. */
  readonly anyHour: boolean;
  /** Every hour of the day. */
  readonly allHours: boolean;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** How day and weekday combine: both restricted means either. */
  readonly either: boolean;
}

/** Why a text is no rule; `reason` is a clause, for instance `the range 22-2 of the field hour is upside down`. */
export interface BadRule {
  readonly reason: string;
}

/** Whether it is one that cannot be used. */
export function isBadRule(rule: Rule | BadRule): rule is BadRule {
  return 'reason' in rule;
}

/**
 * Reads a rule in the grammar of Ultimate Cron, which is ours, too.
 *
 * Five fields; in each a comma list of `N`, `N-M` or `*`, each with `/step` and then `+offset` behind it
 * if wished; names of months and weekdays; `@` is the skew of the job. Source: contract cron.md §2.4.
 *
 * @param skew a number that spreads jobs, 0 to 255; see {@link skewOf}
 */
export function parseRule(text: string, skew = 0): Rule | BadRule {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== 5) {
    return { reason: `it has ${parts[0] === '' ? 'no' : parts.length} fields and not five` };
  }
  const values: (readonly number[])[] = [];
  for (const [index, field] of ruleFields.entries()) {
    const list = expandField(withNumbers(parts[index] ?? '', field.name), field, skew);
    if (typeof list === 'string') {
      return { reason: `${list} in the field ${field.name} (${parts[index] ?? ''})` };
    }
    values.push(list);
  }
  const [minutes = [], hours = [], days = [], monthList = [], weekdayList = []] = values;
  const allHours = new Set(hours).size === 24;
  const rule: Rule = {
    text: parts.join(' '),
    minutes: ascending(minutes),
    hours: ascending(hours),
    anyHour: allHours || (parts[1] ?? '').includes('*'),
    allHours,
    days: new Set(days),
    months: new Set(monthList),
    weekdays: new Set(weekdayList),
    // The module counts the days as they are written, doubles included.
    either: new Set(weekdayList).size !== 7 && days.length !== 31,
  };
  return usable(rule);
}

/** The rule, unless no date ever matches it. */
export function usable(rule: Rule): Rule | BadRule {
  return canFire(rule) ? rule : { reason: 'no date ever matches its day, month and weekday' };
}

/** Several rules, of which each counts. */
export interface ParsedRules {
  readonly good: readonly Rule[];
  readonly bad: readonly (BadRule & { readonly text: string })[];
}

/** Rules of which each counts, written with `;` between them; empty ones are passed over. */
export function parseRules(text: string, skew = 0): ParsedRules {
  const texts = text.split(';').map((part) => part.trim());
  return parseEach(
    texts.filter((one) => one !== ''),
    (one) => parseRule(one, skew),
  );
}

/** Tells the good ones of several rules from the bad ones. */
export function parseEach(texts: readonly string[], parse: (text: string) => Rule | BadRule): ParsedRules {
  const good: Rule[] = [];
  const bad: (BadRule & { readonly text: string })[] = [];
  for (const text of texts) {
    const rule = parse(text);
    if (isBadRule(rule)) bad.push({ text, reason: rule.reason });
    else good.push(rule);
  }
  return { good, bad };
}

/** Month and weekday names as numbers; a 7 in the field weekday is a 0 wherever it stands, as in the module. */
export function withNumbers(part: string, field: RuleField): string {
  if (field !== 'month' && field !== 'weekday') return part;
  let lower = part.toLowerCase();
  if (field === 'month') {
    for (const [index, name] of months.entries()) lower = lower.replaceAll(name, String(index + 1));
  }
  if (field === 'weekday') {
    for (const [index, name] of weekdays.entries()) lower = lower.replaceAll(name, String(index));
    lower = lower.replaceAll('7', '0');
  }
  return lower;
}

/** The values of a field in the order in which they are written, or what is wrong with it. */
function expandField(
  part: string,
  { min, max }: { readonly min: number; readonly max: number },
  skew: number,
): readonly number[] | string {
  const size = max + 1;
  const plain = part.replaceAll('*', `${min}-${max}`).replaceAll('@', String(skew % size));
  const list: number[] = [];
  for (const item of plain.split(',')) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?(?:\/(\d{1,9}))?(?:\+(\d{1,9}))?$/.exec(item);
    if (!match) {
      return item === '' ? 'a value is missing' : `"${item}" cannot be read`;
    }
    const lower = Number(match[1]);
    const upper = Number(match[2] ?? lower);
    const step = Number(match[3] ?? 1);
    const offset = Number(match[4] ?? 0);
    if (step === 0) return `the step of "${item}" is 0`;
    if (upper < lower) return `the range ${lower}-${upper} is upside down`;
    if ((upper - lower) / step > mostValues) return `the range ${lower}-${upper} is too long`;
    for (let value = lower; value <= upper; value += step) {
      list.push((value + offset) % size);
    }
  }
  return list;
}

/** Each value once. */
export function ascending(values: readonly number[]): readonly number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** Whether some date of a leap cycle matches; days and months can come out as 0, which is none. */
function canFire(rule: Rule): boolean {
  // 28 years hold every combination of date and weekday.
  for (let day = Date.UTC(2000, 0, 1); day < Date.UTC(2028, 0, 1); day += 86_400_000) {
    if (matchesDate(rule, new Date(day))) return true;
  }
  return false;
}

/** Whether a rule fires on a date, told by its UTC fields. */
export function matchesDate(rule: Rule, date: Date): boolean {
  if (!rule.months.has(date.getUTCMonth() + 1)) return false;
  const day = rule.days.has(date.getUTCDate());
  const weekday = rule.weekdays.has(date.getUTCDay());
  return rule.either ? day || weekday : day && weekday;
}
