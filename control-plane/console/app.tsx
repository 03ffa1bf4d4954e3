import AppLayout from '@cloudscape-design/components/app-layout';
import Flashbar from '@cloudscape-design/components/flashbar';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { Suspense, useState } from 'react';
import { Route, Router, Switch, useLocation } from 'wouter';
import { useLiveChanges, type Connection } from './api/live.ts';
import { Boundary } from './parts/boundary.tsx';
import { detach } from './parts/detach.ts';
import { pages } from './pages/index.ts';
import { NotFound } from './pages/not-found.tsx';
import { SessionGate, useSession } from './session.tsx';
import { texts } from './texts/index.ts';

const BASE = '/console';

/** The whole console: who has signed in sees the pages, each loaded when it is first gone to. */
export function App() {
  return (
    <I18nProvider locale="en" messages={[messages]}>
      <SessionGate>
        <Router base={BASE}>
          <Shell />
        </Router>
      </SessionGate>
    </I18nProvider>
  );
}

function Shell() {
  const connection = useLiveChanges();
  const [location, navigate] = useLocation();
  const [isOpen, setOpen] = useState(true);
  return (
    <>
      <Banner />
      <AppLayout
        headerSelector="#banner"
        toolsHide
        navigationOpen={isOpen}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        notifications={<ConnectionNotice connection={connection} />}
        navigation={
          <SideNavigation
            activeHref={BASE + (location === '/' ? '' : `/${location.split('/')[1] ?? ''}`)}
            header={{ text: texts.product, href: BASE }}
            items={NAVIGATION}
            onFollow={(event) => {
              if (event.detail.external === true) return;
              event.preventDefault();
              navigate(event.detail.href.slice(BASE.length) || '/');
            }}
          />
        }
        content={
          <Boundary key={location}>
            <Suspense fallback={<Spinner size="large" />}>
              <Pages />
            </Suspense>
          </Boundary>
        }
      />
    </>
  );
}

function Pages() {
  return (
    <Switch>
      {pages.map(({ path, component }) => (
        <Route key={path} path={path} component={component} />
      ))}
      <Route component={NotFound} />
    </Switch>
  );
}

const NAVIGATION = pages.flatMap(({ path, navigation }) =>
  navigation === undefined
    ? []
    : [{ type: 'link' as const, text: navigation, href: BASE + (path === '/' ? '' : path) }],
);

function Banner() {
  const session = useSession();
  const { name, role } = session.signIn.holder;
  return (
    <div id="banner">
      <TopNavigation
        identity={{ href: BASE, title: texts.product }}
        utilities={[
          {
            type: 'menu-dropdown',
            text: texts.session.holder(name, role),
            iconName: 'user-profile',
            items: [{ id: 'sign-out', text: texts.session.signOut }],
            onItemClick: () => detach(session.signOut()),
          },
        ]}
      />
    </div>
  );
}

/** Honest about what one sees: nothing while all is well. */
function ConnectionNotice({ connection }: { readonly connection: Connection }) {
  if (connection !== 'lost') return null;
  return <Flashbar items={[{ type: 'warning', content: texts.connection.lost, id: 'connection' }]} />;
}
