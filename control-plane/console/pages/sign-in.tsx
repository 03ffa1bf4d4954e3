import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ConsoleSignIn } from '#protocol';
import { useState, type SyntheticEvent } from 'react';
import { useClient } from '../api/context.ts';
import { FailureAlert } from '../parts/failure.tsx';
import { texts } from '../texts/index.ts';

interface Props {
  readonly onSignedIn: (signIn: ConsoleSignIn) => void;
  /** Whether there was a session here until now. */
  readonly hasEnded?: boolean;
}

/** The way in. The token is in memory until it is exchanged, and nowhere else. */
export function SignIn({ onSignedIn, hasEnded = false }: Props) {
  const client = useClient();
  const [token, setToken] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [isEmpty, setEmpty] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const trimmed = token.trim();
    setEmpty(trimmed === '');
    if (trimmed === '' || isBusy) return;
    setBusy(true);
    setError(null);
    client.signIn(trimmed).then(
      (signIn) => {
        setToken('');
        onSignedIn(signIn);
      },
      (failure: unknown) => {
        setBusy(false);
        setError(failure);
      },
    );
  };

  return (
    <main>
      <Box margin={{ top: 'xxxl', horizontal: 'l' }}>
        <Grid gridDefinition={[{ colspan: { default: 12, xs: 8, s: 6, l: 4 }, offset: { xs: 2, s: 3, l: 4 } }]}>
          <form onSubmit={submit}>
            <Container header={<Header variant="h1">{texts.signIn.title}</Header>}>
              <Form
                actions={
                  <Button variant="primary" loading={isBusy} formAction="submit">
                    {texts.signIn.submit}
                  </Button>
                }
              >
                <SpaceBetween size="m">
                  {hasEnded && <Alert type="info">{texts.signIn.ended}</Alert>}
                  {error !== null && <FailureAlert error={error} />}
                  <FormField
                    label={texts.signIn.token}
                    description={texts.signIn.tokenHint}
                    errorText={isEmpty ? texts.signIn.empty : null}
                  >
                    <Input
                      type="password"
                      value={token}
                      autoFocus
                      autoComplete={false}
                      spellcheck={false}
                      onChange={({ detail }) => setToken(detail.value)}
                    />
                  </FormField>
                </SpaceBetween>
              </Form>
            </Container>
          </form>
        </Grid>
      </Box>
    </main>
  );
}
