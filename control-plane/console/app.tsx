import AppLayout from '@cloudscape-design/components/app-layout';
import Button from '@cloudscape-design/components/button';
import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { Suspense, useEffect, useRef, useState } from 'react';
import { Route, Router, Switch, useLocation } from 'wouter';
import { ApiFailure } from './api/failure.ts';
import { useSession } from './api/session.ts';
import type { Hearing } from './api/stream.ts';
import { Boundary } from './parts/boundary.tsx';
import { decoded } from './parts/decoded.ts';
import { useLiveChanges } from './parts/live.ts';
import { useNarrow } from './parts/narrow.ts';
import { PageFocus } from './parts/page-focus.tsx';
import { remedyOf } from './parts/remedy.ts';
import { pages } from './pages/index.ts';
import { NotFound } from './parts/not-found.tsx';
import { SessionGate } from './session.tsx';
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
  const hearing = useLiveChanges();
  const leaving = useSignOut();
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
      <Banner onSignOut={leaving.signOut} />
      <AppLayout
        headerSelector="#banner"
        toolsHide
        ariaLabels={texts.frame}
        navigationOpen={isOpen}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        notifications={<Notices hearing={hearing} leaving={leaving} />}
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

interface Leaving {
  readonly signOut: () => void;
  /** Why somebody is still signed in who wanted to leave; null while that is not so. */
  readonly error: ApiFailure | null;
}

function useSignOut(): Leaving {
  const session = useSession();
  const [error, setError] = useState<ApiFailure | null>(null);
  const signOut = (): void => {
    setError(null);
    session.signOut().catch((failure: unknown) => {
      if (failure instanceof ApiFailure) setError(failure);
      else reportError(failure);
    });
  };
  return { signOut, error };
}

function Banner({ onSignOut }: { readonly onSignOut: () => void }) {
  const { name, role } = useSession().signIn.holder;
  const isNarrow = useNarrow();
  const [, navigate] = useLocation();
  return (
    <div id="banner">
      <TopNavigation
        identity={{
          href: BASE,
          title: texts.product,
          onFollow: (event) => {
            event.preventDefault();
            navigate('/');
          },
        }}
        utilities={[
          // At the edge of a narrow window the menu would open beyond it, and there is one thing in it.
          isNarrow
            ? {
                type: 'button',
                text: texts.session.signOut,
                onClick: onSignOut,
              }
            : {
                type: 'menu-dropdown',
                text: texts.session.holder(name, role),
                iconName: 'user-profile',
                items: [{ id: 'sign-out', text: texts.session.signOut }],
                onItemClick: onSignOut,
              },
        ]}
      />
    </div>
  );
}

/** Honest about what one sees: nothing while all is well. */
function Notices({ hearing, leaving }: { readonly hearing: Hearing; readonly leaving: Leaving }) {
  const { error } = leaving;
  const items: FlashbarProps.MessageDefinition[] = [];
  if (hearing === 'lost') items.push({ type: 'warning', content: texts.connection.lost, id: 'connection' });
  if (error !== null) {
    items.push({
      type: 'error',
      header: texts.session.stillSignedIn,
      content: `${error.message} ${remedyOf(error)}`,
      action: <Button onClick={leaving.signOut}>{texts.retry}</Button>,
      id: 'sign-out',
    });
  }
  return items.length === 0 ? null : <Flashbar items={items} />;
}
