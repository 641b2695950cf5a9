import {
  ascending,
  mostValues,
  parseEach,
  parseRules,
  ruleFields,
  usable,
  withNumbers,
  type BadRule,
  type ParsedRules,
  type Rule,
  type RuleField,
} from './rule.js';

/** The scheduler of jobs whose rules are written in the grammar of Ultimate Cron 1.x. */
export const schedulerOne = 'crontab 1.x';

/** What a job says of its rules. */
export interface RuledJob {
  readonly scheduler: string;
  readonly rules: readonly string[];
  readonly skew: number;
}

/** The rules of a job, read as its module reads them. */
export function rulesOf({ scheduler, rules, skew }: RuledJob): ParsedRules {
  return scheduler === schedulerOne
    ? parseEach(rules, (text) => parseRuleOne(text, skew))
    : parseRules(rules.join(';'), skew);
}

/** A field as it is written out: its values in their order; undefined: one that stands there and is none. */
type Values = readonly (number | undefined)[];

/**
 * Reads a rule in the grammar of Ultimate Cron 1.x.
 *
 * It differs from ours in what it cannot read and in where values begin again:
 * - `+offset` needs a `/step` before it, and both need a range or `*`: `0+@`, `5/2` and `5-9+1` are nothing;
 * - what an offset takes over the end of its range, not of its field, begins again at 0;
 * - values that are too large are none: minute 75 never comes;
 * - of a list, what cannot be a value (a range upside down, a step of 0, nothing between two commas) is passed over.
 *
 * @param skew what `@` stands for: the position of the job among all
 */
export function parseRuleOne(text: string, skew = 0): Rule | BadRule {
  // The module does not trim: a blank before or behind is a field too much.
  const parts = text.split(/\s+/);
  if (parts.length !== 5) {
    return { reason: `it has ${parts.length} fields and not five` };
  }
  const values: Values[] = [];
  for (const [index, field] of ruleFields.entries()) {
    const part = parts[index] ?? '';
    const list = expandField(withNumbers(part, field.name), field, skew);
    const reason = typeof list === 'string' ? list : emptiness(list, field);
    if (typeof list === 'string' || reason !== undefined) {
      return { reason: `${reason ?? ''} in the field ${field.name} (${part})` };
    }
    values.push(list);
  }
  const inside = ruleFields.map(({ min, max }, index) =>
    (values[index] ?? []).flatMap((value) => (value !== undefined && value >= min && value <= max ? [value] : [])),
  );
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = inside;
  const allHours = new Set(hours).size === 24;
  return usable({
    text: parts.join(' '),
    minutes: ascending(minutes),
    hours: ascending(hours),
    anyHour: allHours || (parts[1] ?? '').includes('*'),
    allHours,
    days: new Set(days),
    months: new Set(months),
    weekdays: new Set(weekdays),
    // The module counts what is written: days with doubles and with what is none, weekdays without doubles.
    either: new Set(values[4]).size !== 7 && values[2]?.length !== 31,
  });
}

/** The values of a field, or why the module cannot read it. */
function expandField(
  part: string,
  { name, min, max }: { readonly name: RuleField; readonly min: number; readonly max: number },
  skew: number,
): Values | string {
  const plain = part.replaceAll('*', `${min}-${max}`).replaceAll('@', String(skew % (max + 1)));
  const counts: number[] = [];
  const written = plain.replace(
    /(\d+)-(\d+)(?:(?:\/(\d+))?(?:\+(\d+))?)?/g,
    (_, lower: string, upper: string, step?: string, offset?: string) => {
      // An offset without a step is taken for a step of 0.
      const by = Number(step ?? (offset === undefined ? 1 : 0));
      if (by === 0) return '';
      const [from, to] = [Number(lower), Number(upper)];
      const count = Math.floor((to - from) / by) + 1;
      counts.push(count);
      return Array.from({ length: Math.min(mostValues, Math.max(0, count)) }, (__, index) =>
        String((from + index * by + Number(offset ?? 0)) % (to + 1)),
      ).join(',');
    },
  );
  if (counts.some((count) => count > mostValues)) return 'a range is too long';
  if (/[^0-9,]/.test(written)) return `"${plain}" cannot be read`;
  // Weekdays are looked up as they are written: "05" is none.
  return written
    .split(',')
    .map((item) => (item === '' || (name === 'weekday' && item !== String(Number(item))) ? undefined : Number(item)));
}

/** Why nothing of a field can ever come; undefined: something can, or the date has the last word. */
function emptiness(
  values: Values,
  { name, min, max }: { readonly name: RuleField; readonly min: number; readonly max: number },
): string | undefined {
  if (name === 'day' || name === 'weekday') return undefined;
  if (values.some((value) => value !== undefined && value >= min && value <= max)) return undefined;
  return values.some((value) => value !== undefined) ? `nothing is between ${min} and ${max}` : 'there is no value';
}
