import type { ConsoleSignIn } from '#protocol';
import Spinner from '@cloudscape-design/components/spinner';
import Box from '@cloudscape-design/components/box';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useClient } from './api/context.ts';
import { SessionContext } from './api/session.ts';
import { detach } from './parts/detach.ts';
import { FailureAlert } from './parts/failure.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { texts } from './texts/index.ts';

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
  const queries = useQueryClient();
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
  const isLost = state.is === 'lost';
  const signOut = useCallback(async () => {
    await client.signOut();
    queries.clear();
    setState({ is: 'signed-out' });
  }, [client, queries]);
  const session = useMemo(() => (signIn === null ? null : { signIn, isLost, signOut }), [signIn, isLost, signOut]);

  const onSignedIn = (next: ConsoleSignIn): void => {
    // What one holder asked for is not for the eyes of another; what the same one asked for may have changed since.
    if (signIn?.holder.tokenId === next.holder.tokenId) detach(queries.invalidateQueries());
    else queries.clear();
    setState({ is: 'signed-in', signIn: next });
  };
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
      {isLost && <SignIn onSignedIn={onSignedIn} hasEnded />}
      {/* Dialogs are not inside of it, and hide by themselves; see parts/dialog.tsx. */}
      <div key={session.signIn.holder.tokenId} hidden={isLost}>
        {children}
      </div>
    </SessionContext>
  );
}
