import Alert from '@cloudscape-design/components/alert';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { API_PREFIX, TokenPage, type Token, type TokenId } from '#protocol';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { useClient } from '../../api/context.ts';
import { pageQuery, readCursor, withCursor } from '../../parts/cursor.ts';
import { CursorPages } from '../../parts/cursor-pages.tsx';
import { detach } from '../../parts/detach.ts';
import { FailureAlert } from '../../parts/failure.tsx';
import { NotAllowed } from '../../parts/not-allowed.tsx';
import type { Rights } from '../../parts/rights.ts';
import { When } from '../../parts/when.tsx';
import { texts } from '../../texts/index.ts';
import { asked } from '../../api/ask.ts';
import { nameOfActor } from '../../parts/actor.ts';
import { CreateTokenDialog } from './create.tsx';
import { RevokeDialog } from './revoke.tsx';
import { scopeOf } from './rows.ts';
import { stateOf, type TokenState } from './state.ts';

const words = texts.access.tokens;
const ROWS = 25;

type Open =
  | { readonly is: 'nothing' }
  | { readonly is: 'create'; readonly type: 'api' | 'join' }
  | { readonly is: 'revoke'; readonly token: Token };

interface Properties {
  readonly rights: Rights;
  readonly ownTokenId: TokenId;
}

/** All tokens, without their secrets, and ways to make one and to take one back. */
export function Tokens({ rights, ownTokenId }: Properties) {
  const [open, setOpen] = useState<Open>({ is: 'nothing' });
  const [revoked, setRevoked] = useState<number | null>(null);
  const header = <TokensHeader rights={rights} onCreate={(type) => setOpen({ is: 'create', type })} />;
  return (
    <SpaceBetween size="s">
      {revoked !== null && (
        <Alert type="success" dismissible onDismiss={() => setRevoked(null)}>
          {texts.access.revoke.revoked(revoked)}
        </Alert>
      )}
      {rights.readTokens ? (
        <TokenTable {...{ header, ownTokenId }} onRevoke={(token) => setOpen({ is: 'revoke', token })} />
      ) : (
        <Container header={header}>
          <NotAllowed title={words.notAllowed} how={words.notAllowedHow} />
        </Container>
      )}
      {open.is === 'create' && <CreateTokenDialog type={open.type} onClose={() => setOpen({ is: 'nothing' })} />}
      {open.is === 'revoke' && (
        <RevokeDialog
          token={open.token}
          isOwn={open.token.id === ownTokenId}
          onClose={() => setOpen({ is: 'nothing' })}
          onRevoked={(count) => {
            setOpen({ is: 'nothing' });
            setRevoked(count);
          }}
        />
      )}
    </SpaceBetween>
  );
}

function TokensHeader(props: { readonly rights: Rights; readonly onCreate: (type: 'api' | 'join') => void }) {
  const { rights, onCreate } = props;
  return (
    <Header
      variant="h2"
      description={words.description}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          {rights.createJoinTokens && <Button onClick={() => onCreate('join')}>{words.createJoin}</Button>}
          {rights.createApiTokens && <Button onClick={() => onCreate('api')}>{words.createApi}</Button>}
        </SpaceBetween>
      }
    >
      {words.title}
    </Header>
  );
}

interface TableProperties {
  readonly header: React.ReactNode;
  readonly ownTokenId: TokenId;
  readonly onRevoke: (token: Token) => void;
}

function TokenTable({ header, ownTokenId, onRevoke }: TableProperties) {
  const client = useClient();
  const [params, setParams] = useSearchParams();
  const after = readCursor(params, 'tokens');
  const { data, dataUpdatedAt, error, isPending, refetch } = useQuery({
    queryKey: ['tokens', 'page', after],
    queryFn: (context) =>
      client.get(`${API_PREFIX}/tokens?${pageQuery(ROWS, after).toString()}`, TokenPage, asked(context)),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      {error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />}
      <Table<Token>
        header={header}
        items={data?.items ?? []}
        trackBy="id"
        loading={isPending}
        loadingText={texts.loading}
        wrapLines
        stickyColumns={{ last: 1 }}
        empty={<Box textAlign="center">{after === null ? words.none : words.older}</Box>}
        pagination={
          <CursorPages
            {...{ after, next: data?.nextCursor ?? null, label: words.title }}
            onGo={(to) => setParams(withCursor(params, to, 'tokens'))}
          />
        }
        columnDefinitions={columnsOf({ ownTokenId, onRevoke, now: dataUpdatedAt })}
      />
    </>
  );
}

const TONES: Record<TokenState, StatusIndicatorProps.Type> = {
  good: 'success',
  expired: 'stopped',
  revoked: 'error',
  'used-up': 'stopped',
};

interface ColumnsOptions {
  readonly ownTokenId: TokenId;
  readonly now: number;
  readonly onRevoke: (token: Token) => void;
}

function columnsOf({ ownTokenId, now, onRevoke }: ColumnsOptions): TableProps<Token>['columnDefinitions'] {
  const { columns } = words;
  const nameOf = ({ name }: Token): string => (name === '' ? words.unnamed : name);
  return [
    {
      id: 'name',
      header: columns.name,
      isRowHeader: true,
      cell: (token) => (
        <>
          <bdi title={token.id}>{nameOf(token)}</bdi>{' '}
          {token.id === ownTokenId && <Badge color="blue">{words.own}</Badge>}
        </>
      ),
    },
    { id: 'type', header: columns.type, cell: ({ type }) => words.types[type] },
    {
      id: 'state',
      header: columns.state,
      minWidth: 120,
      cell: (token) => {
        const state = stateOf(token, now);
        return <StatusIndicator type={TONES[state]}>{words.states[state]}</StatusIndicator>;
      },
    },
    {
      id: 'role',
      header: columns.role,
      cell: ({ role }) => (role === null ? words.dash : texts.access.create.roles[role]),
    },
    { id: 'scope', header: columns.scope, minWidth: 160, cell: scopeOf },
    {
      id: 'created',
      header: columns.created,
      minWidth: 140,
      cell: ({ createdAt, createdBy }) => (
        <>
          <When at={createdAt} />
          <Box variant="small" display="block">
            <bdi title={createdBy}>{words.by(nameOfActor(createdBy))}</bdi>
          </Box>
        </>
      ),
    },
    {
      id: 'expires',
      header: columns.expires,
      minWidth: 120,
      cell: ({ expiresAt }) => (expiresAt === null ? words.never : <When at={expiresAt} />),
    },
    { id: 'used', header: columns.used, minWidth: 120, cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
    {
      id: 'actions',
      header: columns.actions,
      cell: (token) => (
        <Button variant="inline-link" ariaLabel={words.revokeOf(nameOf(token))} onClick={() => onRevoke(token)}>
          {words.revoke}
        </Button>
      ),
    },
  ];
}
