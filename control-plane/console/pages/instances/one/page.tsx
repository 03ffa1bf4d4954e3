import Button from '@cloudscape-design/components/button';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import type { Instance } from '#protocol';
import { useState } from 'react';
import { useLocation, useParams, useRouter, useSearchParams } from 'wouter';
import { AgentStateIndicator } from '../../../parts/agent-state.tsx';
import { decoded } from '../../../parts/decoded.ts';
import { detach } from '../../../parts/detach.ts';
import { FailureAlert } from '../../../parts/failure.tsx';
import { useRights } from '../../../parts/rights.ts';
import { texts } from '../../../texts/index.ts';
import { ResetPassword } from '../reset.tsx';
import { AuditTab } from './audit.tsx';
import { DangerTab } from './danger.tsx';
import { HealthTab } from './health.tsx';
import { OverviewTab } from './overview.tsx';
import { ResetsTab } from './resets.tsx';
import { useInstance } from './use-instance.ts';

const words = texts.instances;
const TABS = ['overview', 'health', 'resets', 'audit', 'danger'] as const;

/** Everything about one instance. */
export default function InstancePage() {
  const id = decoded(useParams<{ id: string }>().id);
  const { data, error, refetch } = useInstance(id);
  const failure = error !== null && <FailureAlert error={error} onRetry={() => detach(refetch())} />;
  if (data === undefined) {
    return (
      <ContentLayout
        breadcrumbs={<Breadcrumbs name={id} />}
        header={
          <Header variant="h1">
            <bdi>{id}</bdi>
          </Header>
        }
      >
        {failure === false ? <Spinner size="large" /> : failure}
      </ContentLayout>
    );
  }
  return (
    <>
      {failure}
      <Whole instance={data} />
    </>
  );
}

function Whole({ instance }: { readonly instance: Instance }) {
  const [isResetting, setResetting] = useState(false);
  const rights = useRights();
  const [params, setParams] = useSearchParams();
  const tab = TABS.find((one) => one === params.get('tab')) ?? 'overview';
  return (
    <ContentLayout
      breadcrumbs={<Breadcrumbs name={instance.name} />}
      header={
        <Header
          variant="h1"
          actions={
            rights.reset && (
              <Button variant="primary" onClick={() => setResetting(true)}>
                {words.actions.reset}
              </Button>
            )
          }
          description={<AgentStateIndicator state={instance.agent.state} />}
        >
          <bdi>{instance.name}</bdi>
        </Header>
      }
    >
      <Tabs
        ariaLabel={instance.name}
        activeTabId={tab}
        onChange={({ detail }) =>
          setParams(detail.activeTabId === 'overview' ? {} : { tab: detail.activeTabId }, { replace: true })
        }
        tabs={[
          { id: 'overview', label: words.tabs.overview, content: <OverviewTab instance={instance} /> },
          { id: 'health', label: words.tabs.health, content: tab === 'health' && <HealthTab instance={instance} /> },
          { id: 'resets', label: words.tabs.resets, content: tab === 'resets' && <ResetsTab instance={instance} /> },
          { id: 'audit', label: words.tabs.audit, content: tab === 'audit' && <AuditTab instance={instance} /> },
          { id: 'danger', label: words.tabs.danger, content: tab === 'danger' && <DangerTab instance={instance} /> },
        ]}
      />
      {isResetting && <ResetPassword instances={[instance]} onDismiss={() => setResetting(false)} />}
    </ContentLayout>
  );
}

function Breadcrumbs({ name }: { readonly name: string }) {
  const [, navigate] = useLocation();
  const { base } = useRouter();
  return (
    <BreadcrumbGroup
      items={[
        { text: words.title, href: `${base}/instances` },
        { text: name, href: '' },
      ]}
      onFollow={(event) => {
        event.preventDefault();
        navigate('/instances');
      }}
    />
  );
}
