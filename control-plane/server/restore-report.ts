import type { RestoreCleanup } from './service/restore.ts';

/** What `after-restore` did and what it cannot know, in lines for the operator who restored. */
export function restoreReport(cleanup: RestoreCleanup): readonly string[] {
  const { cancelledTasks, unknownTasks, voidPlans, revokedJoinTokens, endedConsoleSessions, apiTokens } = cleanup;
  return [
    `Cancelled what had not been sent to an instance yet: ${String(cancelledTasks)}.`,
    `Ended as unknown what had been sent: ${String(unknownTasks)}.`,
    `Dropped plans: ${String(voidPlans)}. Revoked join tokens: ${String(revokedJoinTokens)}.`,
    `Ended sessions of the console: ${String(endedConsoleSessions)}.`,
    `API tokens that are valid now: ${String(apiTokens.length)}.`,
    ...apiTokens.map(
      ({ id, name, role, createdAt }) => `  ${id}  ${role.padEnd(13)}  ${new Date(createdAt).toISOString()}  ${name}`,
    ),
    'What happened after the backup is not known here. Tokens that were revoked since are valid again, and instances ' +
      'that were removed since are back: once the server runs, revoke them again with "latchkey tokens revoke ID" and ' +
      'remove them again with "latchkey instances remove NAME".',
  ];
}
