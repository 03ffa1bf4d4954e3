import { HEARTBEAT_MS, type ChangeEvent } from '#protocol';
import { describe, expect, test } from 'vitest';
import { followChanges } from '../../../control-plane/console/api/changes.ts';
import type { Hearing } from '../../../control-plane/console/api/stream.ts';
import { Streams } from './support/streams.ts';
import { Timers } from './support/timers.ts';

const changed = (...kinds: ChangeEvent['changed']): string => JSON.stringify({ changed: kinds });

/** A page that hears of changes. `answers`: what comes of asking the control plane; the last one goes on. */
function follow(answers: readonly [boolean, ...boolean[]] = [true], isAgain = false) {
  const timers = new Timers();
  const streams = new Streams();
  const heard: (Hearing | 'missed' | ChangeEvent['changed'])[] = [];
  const asked: ((isAnswered: boolean) => void)[] = [];
  const stop = followChanges(
    { openStream: streams.open, after: timers.after, ask: (onAnswer) => void asked.push(onAnswer) },
    {
      onChanged: (kinds) => void heard.push(kinds),
      onMissed: () => void heard.push('missed'),
      onHearing: (hearing) => void heard.push(hearing),
    },
    isAgain,
  );
  let told = 0;
  /** What is asked by then is answered. */
  const pass = (ms: number): void => {
    timers.pass(ms);
    for (; told < asked.length; told += 1) asked[told]?.(answers[told] ?? answers[answers.length - 1] ?? true);
  };
  return { timers, streams, heard, stop, pass, asked };
}

describe('hearing of changes', () => {
  test('is live from the first sign of life on, and tells what has changed', () => {
    const { streams, heard } = follow();
    expect(heard).toEqual(['connecting']);
    streams.last.onHeartbeat();
    streams.last.onEvent(changed('instances', 'resets'));
    streams.last.onHeartbeat();
    expect(heard).toEqual(['connecting', 'live', ['instances', 'resets']]);
  });

  test('comes back by itself however often a stream ends, and then all is asked for anew', () => {
    const { streams, heard, pass } = follow();
    streams.last.onHeartbeat();
    for (let n = 1; n <= 10; n += 1) {
      streams.last.onError();
      pass(2_000);
      streams.last.onHeartbeat();
      expect(streams.all).toHaveLength(1 + n);
    }
    expect(streams.areOpen).toEqual([...Array.from({ length: 10 }, () => false), true]);
    expect(heard.slice(2)).toEqual(Array.from({ length: 10 }, () => ['connecting', 'live', 'missed']).flat());
  });

  test('has all asked for anew where it begins again', () => {
    const { streams, heard } = follow([true], true);
    streams.last.onHeartbeat();
    expect(heard).toEqual(['connecting', 'live', 'missed']);
  });

  test('opens no stream before the control plane answers, and asks less and less often', () => {
    const { streams, pass, asked } = follow([false, false, false, false, false, true]);
    streams.last.onError();
    for (const [index, ms] of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
      pass(ms - 1);
      expect(asked.length).toBe(index);
      pass(1);
      expect(asked.length).toBe(index + 1);
    }
    expect(streams.areOpen).toEqual([false, true]);
  });

  test('is lost when it was not there for ten seconds, and says so once', () => {
    const { streams, heard, pass } = follow([false]);
    streams.last.onHeartbeat();
    streams.last.onError();
    pass(9_999);
    expect(heard.at(-1)).toBe('connecting');
    pass(1);
    expect(heard.at(-1)).toBe('lost');
    for (let n = 0; n < 10; n += 1) pass(30_000);
    expect(heard.filter((what) => what === 'lost')).toHaveLength(1);
    expect(heard.filter((what) => what === 'connecting')).toHaveLength(2);
  });

  test('does not trust a stream that has fallen silent', () => {
    const { streams, heard, pass } = follow();
    streams.last.onHeartbeat();
    for (let n = 0; n < 5; n += 1) {
      pass(HEARTBEAT_MS);
      streams.last.onHeartbeat();
    }
    expect(heard).toEqual(['connecting', 'live']);
    pass(HEARTBEAT_MS);
    pass(HEARTBEAT_MS);
    pass(10_000);
    expect(heard.at(-1)).toBe('connecting');
    expect(streams.areOpen).toEqual([false]);
  });

  test('does not wait for one that never says anything, nor for one that nobody understands', () => {
    const { streams, pass } = follow();
    pass(10_000);
    expect(streams.areOpen).toEqual([false]);
    pass(2_000);
    streams.last.onEvent('{"changed":"everything"}');
    expect(streams.areOpen).toEqual([false, false]);
  });

  test('leaves nothing open, and asks nothing more, when it is stopped', () => {
    for (const isGone of [false, true]) {
      const { streams, heard, stop, pass, timers, asked } = follow();
      streams.last.onHeartbeat();
      if (isGone) {
        streams.last.onError();
        timers.pass(2_000); // It is being asked.
      }
      const before = heard.length;
      stop();
      for (let n = 0; n < 5; n += 1) pass(60_000);
      expect(streams.areOpen).toEqual([false]);
      expect(heard).toHaveLength(before);
      expect(asked.length).toBe(isGone ? 1 : 0);
    }
  });
});
