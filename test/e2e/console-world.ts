import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openBrowser, type Browser } from '../support/browser.ts';
import { placesOf, unexpected } from '../support/console-traces.ts';
import { signIn } from '../support/console.ts';
import type { Host } from '../support/hosts/host.ts';
import { openWorld, type World } from './world.ts';

export const ACCOUNT = 'alice';
export const OLD = 'Old-Password-1';
export const UNIT = 'latchkey-agent.service';

/** A control plane, hosts and browsers; what the browsers let out or keep is looked at as they are closed. */
export interface ConsoleWorld extends AsyncDisposable {
  readonly world: World;
  /** Boots hosts with agents that run, and {@link ACCOUNT} with the password {@link OLD}. */
  hosts(...names: string[]): Promise<readonly Host[]>;
  /** Another browser, with nothing of the others, that has signed in. */
  signedIn(): Promise<Browser>;
  /** A password that must be found nowhere outside of the hosts. */
  secret(password: string): string;
  /** Nothing secret left a browser or stayed in it, and none of them complained but for what was expected. */
  expectClean(expected?: readonly RegExp[]): Promise<void>;
}

/** `world`: one that is open already, and is then closed with this. */
export async function openConsoleWorld(world?: World): Promise<ConsoleWorld> {
  const own = world ?? (await openWorld());
  const reach = await own.fabric.reach(8443);
  const browsers: Browser[] = [];
  const secrets: string[] = [];
  const token = (await readFile(join(own.directory, 'keys', 'administrator-token'), 'utf8')).trim();
  return {
    world: own,
    hosts: (...names) =>
      Promise.all(names.map((name) => own.host({ name, accounts: [{ name: ACCOUNT, password: OLD }] }))),
    async signedIn() {
      const browser = await openBrowser(own.url, reach.port);
      browsers.push(browser);
      await signIn(browser.page, own.url, token);
      return browser;
    },
    secret(password) {
      secrets.push(password);
      return password;
    },
    async expectClean(expected) {
      for (const browser of browsers) {
        for (const password of secrets) expect(await placesOf(password, browser)).toEqual([]);
        // What was typed to sign in left once, for the session, and is not kept.
        expect(await placesOf(token, browser)).toEqual([`the request POST ${own.url}/api/v1/console/session`]);
        expect(unexpected(browser, expected)).toEqual([]);
        const elsewhere = browser.sent.filter((request) => !request.split(' ')[1]?.startsWith(`${own.url}/`));
        expect(elsewhere.filter((request) => !/^GET (data|blob):/.test(request))).toEqual([]);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const browser of browsers) await browser[Symbol.asyncDispose]();
      await reach[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
    },
  };
}
