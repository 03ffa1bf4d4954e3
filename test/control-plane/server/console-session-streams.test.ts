import { API_PREFIX, ConsoleSignIn, CSRF_HEADER } from '#protocol';
import { expect, test, vi } from 'vitest';
import { EventFollower } from '../../support/event-follower.ts';
import { expectError, HttpWorld, PUBLIC_ORIGIN } from '../../support/http-world.ts';
import { listen } from '../../support/raw-http.ts';

const SESSIONS = `${API_PREFIX}/console/sessions`;
const OWN = `${API_PREFIX}/console/session`;
/** By the clock on the wall: what a page shows after its session has ended must not be shown for longer. */
const ENDED_MS_MAX = 5_000;

/** A browser that has signed in with a token of its own. */
async function signIn(world: HttpWorld) {
  const made = await world.createToken({ type: 'api', name: 'anna', role: 'administrator' });
  const reply = await world.call('POST', OWN, { token: made.token });
  const cookie = String(reply.headers['set-cookie']).split(';')[0] ?? '';
  const { session, csrfToken } = ConsoleSignIn.parse(reply.json());
  return { tokenId: made.id, sessionId: session.id, cookie, csrfToken };
}
type SignedIn = Awaited<ReturnType<typeof signIn>>;

/** Both streams that a page of the console holds open. */
async function follow(world: HttpWorld, port: number, { cookie }: SignedIn): Promise<readonly EventFollower[]> {
  const headers = { cookie, 'sec-fetch-site': 'same-origin' };
  const paths = [`${API_PREFIX}/changes`, `${API_PREFIX}/resets/${world.resets.id}/events`];
  const followers = await Promise.all(paths.map((path) => EventFollower.open(port, path, headers)));
  for (const follower of followers) {
    expect(follower.status).toBe(200);
    await vi.waitFor(() => expect(follower.text).toContain('retry:'), { timeout: ENDED_MS_MAX, interval: 5 });
  }
  return followers;
}

const WAYS: readonly (readonly [string, (world: HttpWorld, own: SignedIn) => Promise<number>])[] = [
  [
    'somebody ends it',
    async (world, { sessionId }) => (await world.call('DELETE', `${SESSIONS}/${sessionId}`)).statusCode,
  ],
  [
    'its token is revoked',
    async (world, { tokenId }) => (await world.call('DELETE', `${API_PREFIX}/tokens/${tokenId}`)).statusCode,
  ],
  [
    'its holder signs out in another tab',
    async (world, { cookie, csrfToken }) => {
      const headers = { cookie, origin: PUBLIC_ORIGIN, [CSRF_HEADER]: csrfToken };
      return (await world.call('DELETE', OWN, { token: null, headers })).statusCode;
    },
  ],
];

test.each(WAYS)('the streams of a session in use close within five seconds when %s', async (_, end) => {
  await using world = await HttpWorld.open();
  const port = await listen(world.app);
  const [ended, other] = [await signIn(world), await signIn(world)];
  const [streams, others] = [await follow(world, port, ended), await follow(world, port, other)];

  const endedAt = performance.now();
  expect(await end(world, ended)).toBe(204);
  await vi.waitFor(() => expect(streams.map((stream) => stream.ended)).toEqual([true, true]), {
    timeout: ENDED_MS_MAX,
    interval: 5,
  });
  expect(performance.now() - endedAt).toBeLessThan(ENDED_MS_MAX);
  expect(world.resets.watching).toBe(1);

  // Nothing else is to be had with it, and nobody else has lost anything.
  const again = await EventFollower.open(port, `${API_PREFIX}/changes`, { cookie: ended.cookie });
  expect(again.status).toBe(401);
  expectError(await world.call('GET', OWN, { token: null, headers: { cookie: ended.cookie } }), 401, 'unauthenticated');
  expect(others.map((stream) => stream.ended)).toEqual([false, false]);
  for (const stream of others) stream.hangUp();
});
