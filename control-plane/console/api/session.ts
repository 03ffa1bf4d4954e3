import type { ConsoleSignIn } from '#protocol';
import { createContext, use } from 'react';

export interface Session {
  readonly signIn: ConsoleSignIn;
  /** The control plane no longer knows it. The page stays as it is behind the way in, which takes the place of all. */
  readonly isLost: boolean;
  /** Rejects with `ApiFailure` where somebody is still signed in. */
  signOut(): Promise<void>;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === null) throw new Error('there is no session around this part of the page');
  return session;
}
