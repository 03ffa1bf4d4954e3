import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Log } from './service/ports.ts';

const run = promisify(execFile);
/** A supervisor that does not answer must not hold up a start or a stop. */
const NOTIFY_MS_MAX = 5_000;

/**
 * Tells the supervisor that started this process, if one wants to know, that it takes work now, or that it ends. systemd
 * listens on a datagram socket, which Node cannot send to: its own small program does. A failure is logged; systemd then
 * gives up on the start when its time is over.
 */
export async function tellSupervisor(
  what: 'ready' | 'stopping',
  options: { readonly env: NodeJS.ProcessEnv; readonly log: Log },
): Promise<void> {
  const { env, log } = options;
  const word = { ready: 'READY=1', stopping: 'STOPPING=1' }[what];
  if (!env['NOTIFY_SOCKET']) return;
  try {
    await run('systemd-notify', [word], { env, timeout: NOTIFY_MS_MAX });
  } catch (error) {
    log.warn({ err: error }, 'the supervisor could not be told how the server is');
  }
}
