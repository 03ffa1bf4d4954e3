import type { OperatingSystem, ResetMode, ResetState, TaskState } from '#protocol';

const FIGURES = new Intl.NumberFormat();
/** A number as the viewer writes it. Not by `toLocaleString`, which makes such a format anew for each. */
export const figure = (count: number): string => FIGURES.format(count);

/** In the place of what there is not. */
export const nothing = '–';

export const systems = { linux: 'Linux', windows: 'Windows' } satisfies Record<OperatingSystem, string>;

export const modes = { online: 'Online', offline: 'Offline' } satisfies Record<ResetMode, string>;

export const resetStates = {
  running: 'Running',
  paused: 'Paused',
  stopped: 'Stopped after failures',
  finished: 'Finished',
} satisfies Record<ResetState, string>;

export const taskStates = {
  pending: 'Waiting',
  staged: 'Staged',
  'awaiting-boot': 'Waits for a start',
  dispatched: 'Sent',
  accepted: 'Accepted',
  running: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  'outcome-unknown': 'Outcome unknown',
  'task-expired': 'Expired',
  cancelled: 'Cancelled',
  superseded: 'Superseded',
  blocked: 'Blocked',
} satisfies Record<TaskState, string>;

/** Where a reset names no account. */
export const defaultAccount = 'Default of the system';

export const copied = 'Copied';
export const copyFailed = 'The browser did not copy. Select the text and copy it by hand.';

/** What names of instances and projects are made of. */
export const nameRule = 'Lower-case letters, digits, dot, hyphen, underscore; 1 to 63 characters.';

/** `840 ms`, `4.2 s`, `3 min 10 s`, `2 h 5 min`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
