import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './paths.js';

/**
 * The one code block of a language in README.md, with texts of the example replaced by those of the test.
 *
 * @throws Error when there is not exactly one such block, or when it lacks a text that is to be replaced
 */
export function readmeBlock(language: string, replace: Readonly<Record<string, string>>): string {
  const text = readFileSync(join(projectFolder(), 'README.md'), 'utf8');
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))];
  const [block] = blocks;
  if (block?.[1] === undefined || blocks.length !== 1) {
    throw new Error(`README.md has ${blocks.length} code blocks of the language ${language} instead of one.`);
  }
  return Object.entries(replace).reduce((rest, [from, to]) => {
    if (!rest.includes(from)) {
      throw new Error(`The ${language} block of README.md does not contain "${from}".`);
    }
    return rest.replaceAll(from, to);
  }, block[1]);
}
