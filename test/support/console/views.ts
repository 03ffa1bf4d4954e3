import type { Page } from 'playwright-core';
import type { ConsoleWorld } from './world.ts';

/** Something that one can see of the console: a page, or what opens over it. */
export interface View {
  /** Names its picture. */
  readonly name: string;
  /** Below `/console`. */
  readonly path: string | ((world: ConsoleWorld) => string | Promise<string>);
  /** What somebody does there, until it is open. */
  readonly open?: (page: Page) => Promise<void>;
  readonly isDialog?: boolean;
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });

/** Clicks that button, and waits for the dialog. */
const dialog =
  (name: string | RegExp, then: (page: Page) => Promise<void> = () => Promise.resolve()) =>
  async (page: Page): Promise<void> => {
    await button(page, name).first().click();
    await page.getByRole('dialog').waitFor();
    await then(page);
  };

const select = async (page: Page, names: readonly string[]): Promise<void> => {
  for (const name of names) await page.getByRole('checkbox', { name: new RegExp(`Select ${name}$`) }).check();
};

const typePassword = async (page: Page): Promise<void> => {
  const opened = page.getByRole('dialog');
  await opened.getByText(/can be reset now|cannot be reset now/).waitFor();
  await opened.getByLabel('New password', { exact: true }).fill('Harbour-Lantern-42');
  await opened.getByLabel('New password again').fill('Harbour-Lantern');
};

const PAGES: readonly View[] = [
  { name: 'health', path: '' },
  { name: 'instances', path: '/instances' },
  { name: 'instances-other-look', path: '/instances?view=cards&size=10' },
  { name: 'instances-table', path: '/instances?view=table&size=10' },
  {
    name: 'instances-selected',
    path: '/instances?size=10&state=running',
    open: (page) => select(page, ['api-1', 'api-2', 'api-3']),
  },
  { name: 'instances-none', path: '/instances?search=nobody-is-called-so' },
  { name: 'instance', path: '/instances/web-3' },
  { name: 'instance-abnormal', path: '/instances/db-2' },
  { name: 'instance-not-installed', path: '/instances/standby-1' },
  { name: 'instance-install-failed', path: '/instances/standby-3' },
  { name: 'instance-health', path: '/instances/db-2?tab=health' },
  { name: 'instance-resets', path: '/instances/web-2?tab=resets' },
  { name: 'instance-audit', path: '/instances/web-2?tab=audit' },
  { name: 'instance-danger', path: '/instances/web-3?tab=danger' },
  { name: 'instance-unknown', path: '/instances/nobody-is-called-so' },
  { name: 'resets', path: '/resets' },
  { name: 'reset-failed', path: ({ resets }) => `/resets/${resets.failed}` },
  { name: 'reset-stopped', path: ({ resets }) => `/resets/${resets.stopped}` },
  { name: 'reset-running', path: async (world) => `/resets/${await world.held()}` },
  { name: 'reset-paused', path: async (world) => `/resets/${await world.paused()}` },
  { name: 'install', path: '/install' },
  {
    name: 'install-windows',
    path: '/install',
    open: async (page) => {
      await page.getByRole('radio', { name: /Windows/ }).click();
      await page.getByText('There is no agent for Windows yet').waitFor();
    },
  },
  {
    name: 'install-line',
    path: '/install?instance=standby-1',
    open: async (page) => {
      await button(page, 'Make the line').click();
      await button(page, 'Copy the line').waitFor();
    },
  },
  { name: 'install-failed', path: '/install?instance=standby-3' },
  { name: 'audit', path: '/audit' },
  {
    name: 'audit-details',
    path: '/audit?action=reset.start',
    open: async (page) => {
      await button(page, /^Details of record/)
        .first()
        .click();
      await button(page, 'Only this action').first().waitFor();
    },
  },
  { name: 'access', path: '/access' },
  { name: 'settings', path: '/settings' },
  { name: 'no-such-page', path: '/nowhere' },
];

const RESET_DIALOGS: readonly View[] = [
  { name: 'dialog-reset', path: '/instances/web-1', open: dialog('Reset password', typePassword) },
  {
    name: 'dialog-reset-options',
    path: '/instances/web-1',
    open: dialog('Reset password', async (page) => {
      await page.getByRole('dialog').getByRole('button', { name: 'Options' }).click();
      await page.getByRole('dialog').getByLabel('Unlock the account').waitFor();
    }),
  },
  {
    name: 'dialog-reset-offline',
    path: '/instances/web-1',
    open: dialog('Reset password', async (page) => {
      await page.getByRole('dialog').getByRole('tab', { name: 'Offline' }).click();
      await page.getByText('Offline resets are not there yet').waitFor();
    }),
  },
  { name: 'dialog-reset-blocked', path: '/instances/db-2', open: dialog('Reset password', typePassword) },
  {
    name: 'dialog-reset-batch',
    path: '/instances?size=10&tag=role%3Dweb',
    open: async (page) => {
      await select(page, ['web-1', 'web-2', 'web-4', 'web-5']);
      await dialog(/^Reset password$/, typePassword)(page);
    },
  },
  {
    name: 'dialog-reset-mixed',
    path: '/instances?size=50',
    open: async (page) => {
      await select(page, ['web-1', 'desk-1']);
      await dialog(/^Reset password$/)(page);
    },
  },
  {
    name: 'dialog-reset-wrong',
    path: '/instances/web-1',
    open: dialog('Reset password', async (page) => {
      const opened = page.getByRole('dialog');
      await opened.getByText(/can be reset now/).waitFor();
      await opened.getByLabel('Account', { exact: true }).fill('not an account');
      await opened.getByRole('button', { name: 'Reset password' }).click();
      await opened.getByText('Letters, digits, dot').waitFor();
    }),
  },
  {
    name: 'dialog-retry',
    path: ({ resets }) => `/resets/${resets.failed}`,
    open: async (page) => {
      await button(page, 'Retry').click();
      await page.getByRole('menuitem', { name: /^Retry what failed \(/ }).click();
      await page.getByRole('dialog').waitFor();
      await typePassword(page);
    },
  },
  {
    name: 'dialog-cancel',
    path: async (world) => `/resets/${await world.held()}`,
    open: dialog('Cancel what was not sent'),
  },
];

const OTHER_DIALOGS: readonly View[] = [
  { name: 'dialog-add', path: '/instances?size=10', open: dialog('Add instance') },
  {
    name: 'dialog-import',
    path: '/instances?size=10',
    open: dialog('Import', async (page) => {
      await page.getByLabel('Lines').fill('web-7,linux,default,role=web\nweb 8,linux\nweb-9,plan9');
      await page.getByText('2 lines cannot be imported').waitFor();
    }),
  },
  {
    name: 'dialog-remove',
    path: '/instances?size=10',
    open: async (page) => {
      await select(page, ['api-1']);
      await dialog(/^Remove$/)(page);
    },
  },
  { name: 'dialog-remove-danger', path: '/instances/web-3?tab=danger', open: dialog(/^Remove$/) },
  { name: 'dialog-preferences', path: '/instances?size=10', open: dialog('What the list shows') },
  { name: 'dialog-token-api', path: '/access', open: dialog('Create API token') },
  { name: 'dialog-token-join', path: '/access', open: dialog('Create join token') },
  {
    name: 'dialog-token-made',
    path: '/access',
    open: dialog('Create join token', async (page) => {
      await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
      await page.getByRole('button', { name: 'Copy the token' }).waitFor();
    }),
  },
  { name: 'dialog-revoke', path: '/access', open: dialog('Revoke contractor') },
  { name: 'dialog-end-sessions', path: '/access', open: dialog('End all others') },
  { name: 'dialog-statement', path: '/settings', open: dialog('Read the service statement') },
  { name: 'dialog-enable', path: '/settings', open: dialog('Enable online reset for lab') },
  { name: 'dialog-disable', path: '/settings', open: dialog('Disable online reset for edge') },
  { name: 'dialog-add-project', path: '/settings', open: dialog('Add project') },
];

const openMenu =
  (name: string | RegExp, item: string | RegExp) =>
  async (page: Page): Promise<void> => {
    await button(page, name).first().click();
    await page.getByRole('menuitem', { name: item }).first().waitFor();
  };

const MENUS: readonly View[] = [
  { name: 'menu-export', path: '/audit?action=reset.start', open: openMenu('Export', 'As CSV') },
  {
    name: 'menu-account',
    path: '/settings',
    open: async (page) => {
      // In a narrow window it is a button, and there is nothing to open.
      if ((await button(page, 'Sign out').count()) === 0) await openMenu(/administrator/, 'Sign out')(page);
    },
  },
  {
    name: 'menu-filter',
    path: '/instances?size=10',
    open: async (page) => {
      await page.getByRole('combobox', { name: 'Find instances' }).click();
      await page.getByRole('option').first().waitFor();
    },
  },
];

/** Every page of the console, and everything that opens over one. */
export const VIEWS: readonly View[] = [
  ...PAGES,
  ...[...RESET_DIALOGS, ...OTHER_DIALOGS, ...MENUS].map((view) => ({ ...view, isDialog: true })),
];
