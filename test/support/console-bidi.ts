import type { Page } from 'playwright-core';

/**
 * Runs in the page, and finds lines that a text which is read from the right turns around: it takes digits along that
 * come after it, and other texts of its kind, up to the next Latin letter; and where it comes first in an element whose
 * direction goes by its content, it takes all of it along. What is isolated (`bdi`, U+2068) is a line of its own.
 */
const LOOK = `(() => {
  const RIGHT = /[\\u0590-\\u08ff]/;
  const TAKEN_ALONG = /[\\u0590-\\u08ff][^A-Za-z\\u0590-\\u08ff]*([0-9]+[^0-9A-Za-z]+[0-9]|[^\\s0-9A-Za-z\\u0590-\\u08ff][^A-Za-z]*[0-9\\u0590-\\u08ff])/;
  const TURNED = /^[^A-Za-z\\u0590-\\u08ff]*[\\u0590-\\u08ff].*[A-Za-z]/s;
  const ISOLATED = /\\u2068[^\\u2069]*\\u2069/g;
  const isInline = (element) => /^(inline|contents)$/.test(getComputedStyle(element).display);
  const isIsolate = (element) => /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi);
  const isAutomatic = (element) => element.localName === 'bdi' || element.dir === 'auto';
  const linesOf = (root) => {
    const lines = [''];
    const add = (parent) => {
      for (const node of parent.childNodes) {
        if (node.nodeType === Node.TEXT_NODE) lines[lines.length - 1] += node.data.replaceAll(ISOLATED, '\\ufffc');
        else if (node.nodeType !== Node.ELEMENT_NODE) continue;
        else if (node.localName === 'br' || !isInline(node)) lines.push('');
        else if (isIsolate(node)) lines[lines.length - 1] += '\\ufffc';
        else add(node);
      }
    };
    add(root);
    return lines.map((line) => line.trim());
  };
  return [...document.body.querySelectorAll('*')]
    .filter((element) => RIGHT.test(element.textContent) && (!isInline(element) || isIsolate(element)))
    .flatMap((element) => linesOf(element).filter((line) => {
      if (!RIGHT.test(line)) return false;
      return TAKEN_ALONG.test(line) || (isAutomatic(element) && TURNED.test(line));
    }));
})()`;

/** The lines that do not say what they mean. */
export function turnedAround(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(LOOK);
}
