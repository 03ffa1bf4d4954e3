import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { API_PREFIX, InstanceName, ReleaseList } from '#protocol';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { NotAllowed } from '../../parts/not-allowed.tsx';
import { useRights } from '../../parts/rights.ts';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { Fields } from './fields.tsx';
import { checkForm, emptyForm, type InstallProblem } from './form.ts';
import { Help } from './help.tsx';
import { Line } from './line.tsx';
import { makeLine, type MadeLine } from './make-line.ts';
import { NoRelease, NotBelieved } from './no-release.tsx';
import { believe, type Catalogue } from './releases.ts';
import { JoinedStatus, NamedStatus } from './status.tsx';

const words = texts.install;
/** Somebody else adds releases; nobody tells. */
const LOOK_FOR_RELEASES_MS = 10_000;

/** From nothing to an agent that runs: what fits, the line, and what becomes of it. */
export default function InstallPage() {
  const client = useClient();
  const { createJoinTokens } = useRights();
  const catalogue = useQuery({
    queryKey: ['releases'],
    queryFn: async (context) => believe(await client.get(`${API_PREFIX}/releases`, ReleaseList, asked(context))),
    refetchInterval: ({ state }) => (state.data?.is === 'empty' ? LOOK_FOR_RELEASES_MS : false),
  });
  const { data, error, refetch } = catalogue;
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={words.description}>
          {words.title}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {!createJoinTokens && <NotAllowed title={words.mayNot} how={words.mayNotHow} />}
        {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
        {data === undefined && error === null && <Spinner size="large" />}
        {data !== undefined && createJoinTokens && <Catalogued catalogue={data} />}
        <Help />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Catalogued({ catalogue }: { readonly catalogue: Catalogue }) {
  if (catalogue.is === 'empty') return <NoRelease />;
  if (catalogue.is !== 'good') return <NotBelieved catalogue={catalogue} />;
  return <Installation catalogue={catalogue} />;
}

function Installation({ catalogue }: { readonly catalogue: Extract<Catalogue, { is: 'good' }> }) {
  const client = useClient();
  const queries = useQueryClient();
  const [params, setParams] = useSearchParams();
  const named = InstanceName.safeParse(params.get('instance')).data ?? null;
  const reEnrol = named !== null && params.get('reEnrol') === 'true';
  const [form, setForm] = useState(() => emptyForm(named ?? '', location.origin, reEnrol));
  const [problems, setProblems] = useState<readonly InstallProblem[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [made, setMade] = useState<MadeLine | null>(null);

  const submit = (): void => {
    const checked = checkForm(form);
    setProblems(checked.ok ? [] : checked.problems);
    if (!checked.ok || isBusy) return;
    setBusy(true);
    setError(null);
    makeLine(client, catalogue, checked.wanted)
      .then(
        (line) => {
          setMade(line);
          const { name } = line.wanted;
          setParams(name === null ? {} : { instance: name }, { replace: true });
          detach(queries.invalidateQueries({ queryKey: ['instances'] }));
        },
        (failure: unknown) => setError(failure),
      )
      .finally(() => setBusy(false));
  };
  return (
    <SpaceBetween size="l">
      <Fields
        {...{ form, problems, catalogue, isBusy, wasMade: made !== null }}
        onChange={(part) => setForm((before) => ({ ...before, ...part }))}
        onSubmit={submit}
      />
      {error !== null && <FailureAlert error={error} />}
      {made !== null && <Line made={made} />}
      {named !== null && <NamedStatus name={named} />}
      {named === null && made !== null && <JoinedStatus made={made} />}
    </SpaceBetween>
  );
}
