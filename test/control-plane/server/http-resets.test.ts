import { request, type IncomingMessage } from 'node:http';
import { HEARTBEAT_MS, ProgressEvent, Reset } from '#protocol';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../control-plane/server/service/errors.ts';
import { until } from '../../support/fake-agent.ts';
import { expectError, HttpWorld } from '../../support/http-world.ts';
import { listen } from '../../support/raw-http.ts';

/** A client of the stream, over a real socket. */
class Follower {
  text = '';
  ended = false;
  readonly #response: IncomingMessage;

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
    });
    response.on('end', () => {
      this.ended = true;
    });
    response.on('error', () => undefined);
  }

  static open(port: number, world: HttpWorld, token = world.administrator): Promise<Follower> {
    const path = `/api/v1/resets/${world.resets.id}/events`;
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        expect(response.statusCode).toBe(200);
        expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
        resolve(new Follower(response));
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  get events(): ProgressEvent[] {
    const events = this.text.matchAll(/^event: progress\ndata: (.*)\n\n/gm);
    return [...events].map(([, data = '']) => ProgressEvent.parse(JSON.parse(data)));
  }

  hangUp(): void {
    this.#response.destroy();
  }
}

const heartbeatsOf = ({ text }: Follower): number => [...text.matchAll(/^event: still-here\ndata: null\n\n/gm)].length;
const when = (condition: () => boolean) => until(() => Promise.resolve(condition() ? true : null));

describe('the events of a reset', () => {
  test('come one by one, and end with the reset', async () => {
    await using world = await HttpWorld.open();
    const follower = await Follower.open(await listen(world.app), world);
    await when(() => world.resets.watching === 1);
    world.resets.progress(false);
    await when(() => follower.events.length === 1);
    expect(follower.ended).toBe(false);
    world.resets.progress(true);
    await when(() => follower.ended);
    expect(follower.events.map(({ finished }) => finished)).toEqual([false, true]);
    expect(world.resets.watching).toBe(0);
  });

  test('begin with a heartbeat, and are interspersed with more while nothing happens', async () => {
    await using world = await HttpWorld.open();
    const follower = await Follower.open(await listen(world.app), world);
    await when(() => world.resets.watching === 1);
    for (let beats = 1; beats <= 3; beats += 1) {
      world.clock.advance(HEARTBEAT_MS);
      await when(() => heartbeatsOf(follower) === 1 + beats);
    }
    world.resets.progress(true);
    await when(() => follower.ended);
    expect(follower.events).toHaveLength(1);
  });

  test('stop being made when the follower hangs up', async () => {
    await using world = await HttpWorld.open();
    const follower = await Follower.open(await listen(world.app), world);
    await when(() => world.resets.watching === 1);
    follower.hangUp();
    await when(() => world.resets.watching === 0);
  });

  test('end at once when the token is revoked', async () => {
    await using world = await HttpWorld.open();
    const port = await listen(world.app);
    const { id, token } = await world.createToken({ type: 'api', name: 'follows', role: 'viewer' });
    const revoked = await Follower.open(port, world, token);
    const other = await Follower.open(port, world);
    await when(() => world.resets.watching === 2);
    expect((await world.call('DELETE', `/api/v1/tokens/${id}`)).statusCode).toBe(204);
    await when(() => revoked.ended);
    expect(other.ended).toBe(false);
  });

  test('end with the next heartbeat when the token expired, or was revoked elsewhere', async () => {
    await using world = await HttpWorld.open();
    const { token } = await world.createToken({ type: 'api', name: 'short', role: 'viewer', ttlMs: 60_000 });
    const follower = await Follower.open(await listen(world.app), world, token);
    await when(() => world.resets.watching === 1);
    for (let beats = 1; beats <= 3; beats += 1) {
      world.clock.advance(HEARTBEAT_MS);
      await when(() => heartbeatsOf(follower) === 1 + beats);
    }
    world.clock.advance(HEARTBEAT_MS);
    await when(() => follower.ended);
  });

  test('end soon after the token expired, however much happens', async () => {
    await using world = await HttpWorld.open();
    const { token } = await world.createToken({ type: 'api', name: 'short', role: 'viewer', ttlMs: 60_000 });
    const follower = await Follower.open(await listen(world.app), world, token);
    await when(() => world.resets.watching === 1);
    // Never silent for long enough to be sent a heartbeat.
    for (let events = 1; !follower.ended; events += 1) {
      world.clock.advance(HEARTBEAT_MS - 1);
      world.resets.progress(false);
      await when(() => follower.ended || follower.events.length === events);
      expect(events).toBeLessThanOrEqual(6);
    }
    expect(heartbeatsOf(follower)).toBe(1);
  });

  test('end when the control plane goes down, which waits for nobody', async () => {
    const world = await HttpWorld.open();
    const follower = await Follower.open(await listen(world.app), world);
    await when(() => world.resets.watching === 1);
    await world[Symbol.asyncDispose]();
    await when(() => follower.ended);
  });

  test('are limited to a number of followers of one token', async () => {
    await using world = await HttpWorld.open();
    const port = await listen(world.app);
    const followers = await Promise.all(Array.from({ length: 32 }, () => Follower.open(port, world)));
    await when(() => world.resets.watching === 32);
    const path = `/api/v1/resets/${world.resets.id}/events`;
    expectError(await world.call('GET', path), 429, 'rate-limited');
    followers[0]?.hangUp();
    await when(() => world.resets.watching === 31);
    for (const follower of followers) follower.hangUp();
    await when(() => world.resets.watching === 0);
    const last = await Follower.open(port, world);
    last.hangUp();
  });
});

describe('a reset that goes on', () => {
  test.each(['pause', 'resume'])('takes a %s, and answers with how it stands', async (verb) => {
    await using world = await HttpWorld.open();
    const reply = await world.call('POST', `/api/v1/resets/${world.resets.id}/${verb}`);
    expect(reply.statusCode).toBe(200);
    expect(Reset.parse(reply.json())).toEqual(world.resets.reset());
    world.resets.failure = new ApiError('reset-stopped');
    expectError(await world.call('POST', `/api/v1/resets/${world.resets.id}/${verb}`), 409, 'reset-stopped');
    const unknown = '00000000-0000-4000-8000-000000000000';
    expectError(await world.call('POST', `/api/v1/resets/${unknown}/${verb}`), 404, 'reset-not-found');
  });

  test.each([0, 1_001, 'many'])('is not planned with %s at once', async (concurrency) => {
    await using world = await HttpWorld.open();
    const body = { targets: { instances: ['web-1'] }, concurrency };
    expectError(await world.call('POST', '/api/v1/resets/plan', { body }), 400, 'body-malformed');
  });
});

describe('starting a reset', () => {
  test('counts from the moment that the request arrived', async () => {
    await using world = await HttpWorld.open();
    const body = { resetId: world.resets.id, notAfter: 1, sealed: [] };
    const arrived = world.clock.now();
    expect((await world.call('POST', '/api/v1/resets', { body })).statusCode).toBe(201);
    expect(world.resets.arrivals).toEqual([arrived]);
  });

  test('answers a chunk that is not the last with how many came', async () => {
    await using world = await HttpWorld.open();
    const body = { resetId: world.resets.id, notAfter: 1, sealed: [], final: false };
    const reply = await world.call('POST', '/api/v1/resets', { body });
    expect([reply.statusCode, reply.json()]).toEqual([202, { resetId: world.resets.id, received: 1 }]);
  });

  test('is refused while the control plane goes down', async () => {
    await using world = await HttpWorld.open();
    const port = await listen(world.app);
    const follower = await Follower.open(port, world);
    await when(() => world.resets.watching === 1);
    world.shutdown.abort();
    const refused = await world.call('GET', '/api/v1/resets');
    expectError(refused, 503, 'shutting-down');
    expect(refused.headers['retry-after']).toBe('5');
    expectError(await world.call('GET', '/readyz', { token: null }), 503, 'shutting-down');
    expect((await world.call('GET', '/healthz', { token: null })).statusCode).toBe(200);
    await when(() => follower.ended);
  });
});
