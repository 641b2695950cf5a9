import { afterAll, beforeAll } from 'vitest';
import type { BootedSite } from './booted-site.js';
import { openSuite } from './describe-sites.js';
import { examineAlone, type Examination, type ExaminationWish } from './doctor.js';
import type { SiteKind } from './site.js';
import type { Suite } from './suite.js';

/** A site without a daemon for the doctor to look at, shared by the tests of one block. */
export interface Examined {
  readonly suite: Suite;
  readonly site: BootedSite;
  readonly examine: (wish?: Omit<ExaminationWish, 'folder'>) => Promise<Examination>;
}

/** Registers set-up and tear-down; the fields may be used in tests only. The site has nothing that is bad. */
export function prepareExamined(kind: SiteKind): Examined {
  let made: { suite: Suite; site: BootedSite } | undefined;
  const have = () => {
    if (made === undefined) throw new Error('There is no site yet.');
    return made;
  };
  beforeAll(async () => {
    const suite = await openSuite();
    const site = await suite.site(kind);
    made = { suite, site };
    await site.variable('set_has_js_cookie', 1);
    await site.setServiceHost('http://127.0.0.1:1', 'site.test');
  });
  afterAll(async () => {
    await made?.site.close();
    await made?.suite.close();
  });
  return {
    get suite() {
      return have().suite;
    },
    get site() {
      return have().site;
    },
    examine: (wish = {}) => examineAlone(have().site, { folder: have().suite.folder, ...wish }),
  };
}

/** Title of the finding of this code; empty: it was not found. */
export function titleOf(found: Examination, code: string): string {
  return found.findings.find((entry) => entry.code === code)?.title ?? '';
}
