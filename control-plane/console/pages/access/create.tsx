import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { API_PREFIX, CreatedToken } from '#protocol';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureAlert } from '../../parts/failure.tsx';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { ApiFields, JoinFields } from './fields.tsx';
import { apiRequest, EMPTY_API, EMPTY_JOIN, joinRequest, type TokenProblem } from './form.ts';

const words = texts.access.create;
const FORM = 'create-token';

interface Properties {
  readonly type: 'api' | 'join';
  readonly onClose: () => void;
}

/**
 * Makes a token and shows it, once. It is in the state of this dialog alone, which goes with it; that is why no mutation
 * of the cache makes it.
 */
export function CreateTokenDialog({ type, onClose }: Properties) {
  const client = useClient();
  const queries = useQueryClient();
  const [api, setApi] = useState(EMPTY_API);
  const [join, setJoin] = useState(EMPTY_JOIN);
  const [problems, setProblems] = useState<readonly TokenProblem[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [made, setMade] = useState<CreatedToken | null>(null);

  const submit = (): void => {
    const asked = type === 'api' ? apiRequest(api) : joinRequest(join);
    setProblems(asked.ok ? [] : asked.problems);
    if (!asked.ok || isBusy) return;
    setBusy(true);
    setError(null);
    client.send('POST', `${API_PREFIX}/tokens`, CreatedToken, { body: asked.request }).then(
      (created) => {
        setMade(created);
        detach(queries.invalidateQueries({ queryKey: ['tokens'] }));
      },
      (failure: unknown) => {
        setBusy(false);
        setError(failure);
      },
    );
  };
  if (made !== null) return <Made made={made} onClose={onClose} />;
  return (
    <Dialog title={words[type]} onClose={onClose} buttons={<Buttons isBusy={isBusy} onCancel={onClose} />}>
      <form
        id={FORM}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <SpaceBetween size="m">
          {error !== null && <FailureAlert error={error} />}
          {type === 'api' ? (
            <ApiFields form={api} problems={problems} onChange={(part) => setApi({ ...api, ...part })} />
          ) : (
            <JoinFields form={join} problems={problems} onChange={(part) => setJoin({ ...join, ...part })} />
          )}
        </SpaceBetween>
      </form>
    </Dialog>
  );
}

function Buttons(props: { readonly isBusy: boolean; readonly onCancel: () => void }) {
  return (
    <>
      <Button variant="link" onClick={props.onCancel}>
        {words.cancel}
      </Button>
      <Button variant="primary" form={FORM} formAction="submit" loading={props.isBusy}>
        {words.submit}
      </Button>
    </>
  );
}

function Made({ made, onClose }: { readonly made: CreatedToken; readonly onClose: () => void }) {
  return (
    <Dialog
      title={words.made}
      onClose={onClose}
      buttons={
        <Button variant="primary" onClick={onClose}>
          {words.close}
        </Button>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning" header={words.once}>
          {words.onceHow}
        </Alert>
        <div>
          <Box variant="awsui-key-label">{words.secret}</Box>
          <Box variant="code">{made.token}</Box>
        </div>
        <CopyToClipboard
          copyButtonText={words.copy}
          textToCopy={made.token}
          copySuccessText={words.copied}
          copyErrorText={words.copyFailed}
        />
        <div>
          <Box variant="awsui-key-label">{words.ends}</Box>
          {made.expiresAt === null ? texts.access.tokens.never : <When at={made.expiresAt} />}
        </div>
      </SpaceBetween>
    </Dialog>
  );
}
