import type { ConsoleSignIn } from '#protocol';
import Spinner from '@cloudscape-design/components/spinner';
import Box from '@cloudscape-design/components/box';
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useClient } from './api/context.ts';
import { FailureAlert } from './parts/failure.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { texts } from './texts/index.ts';

interface Session {
  readonly signIn: ConsoleSignIn;
  signOut(): Promise<void>;
}

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === null) throw new Error('there is no session around this part of the page');
  return session;
}

type State =
  | { readonly is: 'asking' }
  | { readonly is: 'failed'; readonly error: unknown }
  | { readonly is: 'signed-out' }
  | { readonly is: 'signed-in'; readonly signIn: ConsoleSignIn }
  /** What is below stays as it is, with all that was typed, until somebody has signed in again. */
  | { readonly is: 'lost'; readonly signIn: ConsoleSignIn };

/** Shows `children` to whoever has signed in, and the way in to everybody else. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const client = useClient();
  const [state, setState] = useState<State>({ is: 'asking' });

  const resume = useCallback(() => {
    client.resume().then(
      (signIn) => setState(signIn === null ? { is: 'signed-out' } : { is: 'signed-in', signIn }),
      (error: unknown) => setState({ is: 'failed', error }),
    );
  }, [client]);
  useEffect(resume, [resume]);
  useEffect(
    () => client.onSignedOut(() => setState((now) => (now.is === 'signed-in' ? { ...now, is: 'lost' } : now))),
    [client],
  );

  const signIn = 'signIn' in state ? state.signIn : null;
  const session = useMemo(
    () =>
      signIn === null
        ? null
        : {
            signIn,
            signOut: async () => {
              await client.signOut();
              setState({ is: 'signed-out' });
            },
          },
    [client, signIn],
  );

  const onSignedIn = (again: ConsoleSignIn): void => setState({ is: 'signed-in', signIn: again });
  if (state.is === 'asking') {
    return (
      <Box textAlign="center" margin="xxxl">
        <Spinner size="large" /> {texts.loading}
      </Box>
    );
  }
  if (state.is === 'failed') {
    return (
      <Box margin="xxl">
        <FailureAlert error={state.error} onRetry={resume} />
      </Box>
    );
  }
  if (session === null) return <SignIn onSignedIn={onSignedIn} />;
  return (
    <SessionContext value={session}>
      {state.is === 'lost' && <SignIn onSignedIn={onSignedIn} hasEnded />}
      <div hidden={state.is === 'lost'}>{children}</div>
    </SessionContext>
  );
}
