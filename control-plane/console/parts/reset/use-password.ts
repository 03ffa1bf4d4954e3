import { useCallback, useEffect, useState } from 'react';
import { useClient } from '../../api/context.ts';

export interface PasswordState {
  readonly password: string;
  readonly again: string;
  readonly isShown: boolean;
  readonly setPassword: (text: string) => void;
  readonly setAgain: (text: string) => void;
  readonly setShown: (isShown: boolean) => void;
  /** Both fields at once, and to be seen: nobody has typed it. */
  readonly generated: (text: string) => void;
  /** Forgets it. */
  readonly drop: () => void;
}

/** A password that is being typed. It is here and in its two fields, and gone with them, or when the session ends. */
export function usePassword(): PasswordState {
  const client = useClient();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [isShown, setShown] = useState(false);
  const drop = useCallback(() => {
    setPassword('');
    setAgain('');
    setShown(false);
  }, []);
  useEffect(() => client.onSignedOut(drop), [client, drop]);
  const generated = useCallback((text: string) => {
    setPassword(text);
    setAgain(text);
    setShown(true);
  }, []);
  return { password, again, isShown, setPassword, setAgain, setShown, generated, drop };
}
