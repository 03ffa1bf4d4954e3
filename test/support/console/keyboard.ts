import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** More stops than any page here has. */
const STOPS_MAX = 150;
const MARGIN_PX = 8;
const FOCUSED = `(() => {
  const { activeElement } = document;
  if (activeElement === null) return 'nothing';
  const words = activeElement.getAttribute('aria-label') ?? activeElement.textContent ?? '';
  return activeElement.tagName.toLowerCase() + ' ' + words.slice(0, 60);
})()`;
/** Where what has the focus is drawn. A checkbox is drawn beside the field that takes its keys. */
const PLACE = `(() => {
  const { x, y, width, height } = document.activeElement.getBoundingClientRect();
  return { x, y, width, height };
})()`;
const LOSE = 'window.focusedByKeys = document.activeElement; window.focusedByKeys.blur()';
const REGAIN = 'window.focusedByKeys.focus({ preventScroll: true })';

/** Somebody without a mouse: everything is reached and done by keys, and where the keys go is seen. */
export class Keyboard {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Goes on, or back, from stop to stop until it is there, and looks whether that is seen. */
  async goTo(target: Locator, direction: 'on' | 'back' = 'on'): Promise<void> {
    await target.waitFor();
    const passed: string[] = [];
    while (!(await this.#isOn(target))) {
      if (passed.length === STOPS_MAX)
        throw new Error(`no key leads to ${String(target)}; passed ${passed.join(', ')}`);
      await this.press(direction === 'on' ? 'Tab' : 'Shift+Tab');
      passed.push(await this.#page.evaluate<string>(FOCUSED));
    }
    await this.#expectSeen(target);
  }

  /** Goes there and presses it. */
  async use(target: Locator, { direction = 'on', key = 'Enter' }: { direction?: 'on' | 'back'; key?: string } = {}) {
    await this.goTo(target, direction);
    await this.press(key);
  }

  async press(key: string): Promise<void> {
    await this.#page.keyboard.press(key);
  }

  async type(text: string): Promise<void> {
    await this.#page.keyboard.insertText(text);
  }

  /** Soon, since what opens or closes takes a moment. */
  async expectOn(target: Locator): Promise<void> {
    await expect
      .poll(async () => ((await this.#isOn(target)) ? 'it' : this.#page.evaluate<string>(FOCUSED)), {
        message: `the focus is on ${String(target)}`,
        timeout: 20_000,
      })
      .toBe('it');
  }

  async #isOn(target: Locator): Promise<boolean> {
    return (await target.and(this.#page.locator(':focus')).count()) > 0;
  }

  async #expectSeen(target: Locator): Promise<void> {
    const page = this.#page;
    const { x, y, width, height } = await page.evaluate<{ x: number; y: number; width: number; height: number }>(PLACE);
    const clip = {
      ...{ x: Math.max(0, x - MARGIN_PX), y: Math.max(0, y - MARGIN_PX) },
      ...{ width: width + 2 * MARGIN_PX, height: height + 2 * MARGIN_PX },
    };
    const focused = await page.screenshot({ clip, caret: 'hide' });
    await page.evaluate(LOSE);
    const lost = await page.screenshot({ clip, caret: 'hide' });
    await page.evaluate(REGAIN);
    expect(focused.equals(lost), `it shows that the focus is on ${String(target)}`).toBe(false);
  }
}
