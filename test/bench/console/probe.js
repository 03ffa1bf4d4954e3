// What watches from within the page, put there before anything of it runs: the way of the driver is in no figure.
// All times are milliseconds of the page's own clock, from the start of its navigation.
(() => {
  const FRAME_MS = 1000 / 60;
  const FRAMES_KEPT_MAX = 200_000;

  /** Resolves once what stands in the document now has been drawn: a task that comes after the next frame's work. */
  const painted = () =>
    new Promise((resolve) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now());
        port2.postMessage(null);
      });
    });

  /** Resolves when `holds` does, which is asked after every change of the document. */
  const whenever = (holds) =>
    new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        observer.disconnect();
        resolve();
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
      look();
    });

  /** From the next click, or the key with that name, until what `shown` returns is another and has been drawn. */
  const response = async (input, shown) => {
    const before = shown();
    let startedMs = null;
    const onInput = (event) => {
      if (startedMs === null && (event.type === 'click' || event.key === input)) startedMs = event.timeStamp;
    };
    const type = input === 'click' ? 'click' : 'keydown';
    addEventListener(type, onInput, true);
    performance.clearResourceTimings();
    await whenever(() => startedMs !== null && shown() !== before);
    const paintedMs = await painted();
    removeEventListener(type, onInput, true);
    const asked = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/v1/instances?'));
    const answers = asked.map(({ requestStart, responseEnd }) => responseEnd - requestStart);
    return { tookMs: paintedMs - startedMs, answerMs: answers.length === 0 ? null : Math.max(...answers) };
  };

  const text = (selector) => document.querySelector(selector)?.textContent ?? '';
  const SHOWN = {
    rows: () => text('main tbody'),
    field: () => document.querySelector('main input[role="combobox"]')?.value ?? '',
  };

  // The health page is there when its parts are, and answers when the menu of who has signed in opens.
  const firstPage = async () => {
    await whenever(() => document.querySelectorAll('main h2').length >= 3);
    const drawnMs = await painted();
    const menu = document.querySelector('#banner button[aria-expanded]');
    menu.click();
    await whenever(() => menu.getAttribute('aria-expanded') === 'true');
    const answeringMs = await painted();
    return { drawnMs, answeringMs };
  };

  /** When frames were, and which took long, since the page began. */
  const frames = [];
  const long = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration, blockingDuration, scripts } of list.getEntries()) {
      const by = scripts.map((script) => ({
        invoker: script.invoker,
        name: `${script.sourceFunctionName} ${script.sourceURL}:${script.sourceCharPosition}`,
        ms: script.duration,
        layoutMs: script.forcedStyleAndLayoutDuration,
      }));
      long.push({ startTime, duration, blockingDuration, by });
    }
  }).observe({ type: 'long-animation-frame', buffered: true });
  const onFrame = (now) => {
    if (frames.length < FRAMES_KEPT_MAX) frames.push(now);
    requestAnimationFrame(onFrame);
  };
  requestAnimationFrame(onFrame);

  /** What happened between two moments; a frame that took part in a pause counts as it began. */
  const smoothness = (fromMs, toMs) => {
    const seen = frames.filter((at) => at >= fromMs && at <= toMs);
    const gaps = seen.slice(1).map((at, index) => at - seen[index]);
    const dropped = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / FRAME_MS) - 1), 0);
    const slow = long.filter(({ startTime }) => startTime >= fromMs && startTime <= toMs);
    return {
      spanMs: toMs - fromMs,
      frames: seen.length,
      dropped,
      long: slow.length,
      longestMs: slow.reduce((max, { duration }) => Math.max(max, duration), 0),
      worst: slow.toSorted((a, b) => b.duration - a.duration).slice(0, 5),
    };
  };

  let awaited = null;
  globalThis.latchkeyBench = {
    firstPage,
    /** Waits for that input from now on; nothing is missed that comes after this has returned. */
    await: (input, shown) => {
      awaited = response(input, SHOWN[shown]);
    },
    awaited: () => awaited,
    smoothness,
    /** When the page with that path came, and when it could be used: nothing is asked from outside meanwhile. */
    arrival: async (path, isThere) => {
      await whenever(() => new RegExp(path).test(location.pathname));
      const arrivedMs = performance.now();
      await whenever(() => [...document.querySelectorAll('main button')].some((button) => isUsable(button, isThere)));
      return { arrivedMs, usableMs: await painted() };
    },
    /** When that sentence stood on the page, and was drawn. */
    said: async (sentence) => {
      await whenever(() => text('main').includes(sentence));
      return painted();
    },
    now: () => performance.now(),
  };

  const isUsable = (button, label) =>
    button.textContent.trim() === label && !button.disabled && button.getAttribute('aria-disabled') !== 'true';
})();
