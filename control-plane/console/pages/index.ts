import { lazy, type ComponentType } from 'react';
import { texts } from '../texts/index.ts';
import HealthPage from './health/page.tsx';

/**
 * A page: where it is, and what shows it. The first comes with the console, so that nobody waits for one after the other;
 * each of the others is loaded when it is first gone to.
 */
interface Page {
  readonly path: string;
  readonly component: ComponentType;
  /** What leads there; pages that others lead to have none. */
  readonly navigation?: string;
}

const { navigation } = texts;

/** Every page, in the order of the navigation. */
export const pages: readonly Page[] = [
  { path: '/', navigation: navigation.health, component: HealthPage },
  { path: '/instances', navigation: navigation.instances, component: lazy(() => import('./instances/list/page.tsx')) },
  { path: '/instances/:id', component: lazy(() => import('./instances/one/page.tsx')) },
  { path: '/resets', navigation: navigation.resets, component: lazy(() => import('./resets/page.tsx')) },
  { path: '/resets/:id', component: lazy(() => import('./reset/page.tsx')) },
  { path: '/install', navigation: navigation.install, component: lazy(() => import('./install/page.tsx')) },
  { path: '/audit', navigation: navigation.audit, component: lazy(() => import('./audit/page.tsx')) },
  { path: '/access', navigation: navigation.access, component: lazy(() => import('./access/page.tsx')) },
  { path: '/settings', navigation: navigation.settings, component: lazy(() => import('./settings/page.tsx')) },
];
