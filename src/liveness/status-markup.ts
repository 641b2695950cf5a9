import { Parser } from 'htmlparser2';

/** One row of a table: what stands in its cells, and which of them are headings. */
export interface MarkupRow {
  readonly headings: readonly string[];
  readonly cells: readonly string[];
}

/** What of an HTML page counts here, in the order in which it stands there. */
export interface Markup {
  readonly title: string;
  /** Texts of the `<dt>` of all definition lists. */
  readonly terms: readonly string[];
  readonly tables: readonly (readonly MarkupRow[])[];
  /** Whether the page itself closes everything that counts here: its tables and, at its end, itself. */
  readonly whole: boolean;
}

/** Elements whose text is kept. A page of Apache nests none of them. */
const texts: ReadonlySet<string> = new Set(['title', 'dt', 'th', 'td']);

/** Reads a page's lists and tables. Never throws: what is cut off or nested is told by `whole`. */
export function readMarkup(html: string): Markup {
  const found = { title: '', terms: [] as string[], tables: [] as MarkupRow[][], closed: false, broken: false };
  let open: { name: string; text: string } | undefined;
  let table: MarkupRow[] | undefined;
  let row: { headings: string[]; cells: string[] } | undefined;
  const parser = new Parser({
    onopentagname(name) {
      if (texts.has(name)) {
        open = { name, text: '' };
      } else if (name === 'table') {
        found.broken ||= table !== undefined;
        found.tables.push((table = []));
      } else if (name === 'tr') {
        table?.push((row = { headings: [], cells: [] }));
      }
    },
    ontext(text) {
      if (open) {
        open.text += text;
      }
    },
    onclosetag(name, implied) {
      if (open?.name === name) {
        const text = open.text.trim();
        if (name === 'td' || name === 'th') {
          row?.[name === 'td' ? 'cells' : 'headings'].push(text);
        } else if (name === 'dt') {
          found.terms.push(text);
        } else {
          found.title = text;
        }
        open = undefined;
      } else if (name === 'table') {
        found.broken ||= implied;
        table = undefined;
      } else if (name === 'html') {
        found.closed = !implied;
      }
    },
  });
  parser.write(html);
  parser.end();
  const { title, terms, tables, closed, broken } = found;
  return { title, terms, tables, whole: closed && !broken };
}
