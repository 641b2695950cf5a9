/** One line of the examination of a site. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'problem';
  readonly title: string;
  readonly remedy?: string;
}

export function ok(title: string): Finding {
  return { level: 'ok', title };
}

export function warn(title: string, remedy: string): Finding {
  return { level: 'warn', title, remedy };
}

export function problem(title: string, remedy: string): Finding {
  return { level: 'problem', title, remedy };
}
