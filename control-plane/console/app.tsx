import AppLayout from '@cloudscape-design/components/app-layout';
import Flashbar from '@cloudscape-design/components/flashbar';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { Suspense, useEffect, useRef, useState } from 'react';
import { Route, Router, Switch, useLocation } from 'wouter';
import { useLiveChanges, type Connection } from './api/live.ts';
import { Boundary } from './parts/boundary.tsx';
import { detach } from './parts/detach.ts';
import { useNarrow } from './parts/narrow.ts';
import { PageFocus } from './parts/page-focus.tsx';
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
  const isNarrow = useNarrow();
  const [wish, setWish] = useState<{ readonly isOpen: boolean; readonly isNarrow: boolean } | null>(null);
  // Beside the page where there is room; over it only when somebody asks for it.
  const isOpen = wish?.isNarrow === isNarrow ? wish.isOpen : !isNarrow;
  const setOpen = (open: boolean): void => setWish({ isOpen: open, isNarrow });
  const frame = useRef<HTMLDivElement>(null);
  // Cloudscape gives this landmark of narrow windows an attribute that its role does not have.
  useEffect(() => frame.current?.querySelector('nav[aria-orientation]')?.removeAttribute('aria-orientation'));
  return (
    <div ref={frame}>
      <Banner />
      <AppLayout
        headerSelector="#banner"
        toolsHide
        ariaLabels={texts.frame}
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
              if (isNarrow) setOpen(false);
            }}
          />
        }
        content={
          <PageFocus page={location} title={titleOf(location)}>
            <Boundary key={location}>
              <Suspense fallback={<Spinner size="large" />}>
                <Pages />
              </Suspense>
            </Boundary>
          </PageFocus>
        }
      />
    </div>
  );
}

/** Of the window: the most special first, as tabs show the beginning alone. */
function titleOf(location: string): string {
  const [, section = '', special] = location.split('/');
  const page = pages.find(({ path }) => path === `/${section}`)?.navigation;
  const parts = [special === undefined ? [] : decoded(special), page ?? [], texts.product].flat();
  return parts.join(' · ');
}

/** Somebody may have written the URL by hand. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
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
