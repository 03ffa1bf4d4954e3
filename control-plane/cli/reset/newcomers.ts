import type { KnownInstance, PlanVerdict } from '#protocol';
import { mustConfirm } from '../confirm.ts';
import { countText } from '../output/format.ts';
import type { Terminal } from '../ports.ts';
import type { ResetRequest } from './request.ts';

const NOTES_SHOWN_MAX = 20;

/**
 * Shows whose identity is seen for the first time, and asks about them where they would share a password with others that
 * somebody counts on: chosen by a tag or by a list of the control plane, or named beside instances that are pinned. What
 * carries a tag, and who stands behind a name that was never seen, is the control plane's to say; whoever controls its
 * database could have an instance of his own among them, and learn the password of all. Rejects when it is not wanted.
 */
export async function admitNewcomers(
  request: Pick<ResetRequest, 'plan' | 'chosenElsewhere' | 'passwordSource' | 'trustNew'>,
  { newcomers, notes, ready }: Pick<PlanVerdict, 'newcomers' | 'notes' | 'ready'>,
  terminal: Terminal,
): Promise<void> {
  if (newcomers.length > 0 && mustAsk(request, newcomers.length < ready.length)) {
    showNotes(notes, terminal);
    terminal.err(
      `${countText(newcomers.length, 'instance')} of ${ready.length} that ${choice(request)}: seen here for the first time, ` +
        'and not pinned. One that is not yours would learn the password of all.',
    );
    // All of them, however many: the one that does not belong there must not be left out.
    for (const newcomer of newcomers) terminal.err(`  ${nameAndFingerprint(newcomer)}`);
    terminal.err('Compare with "latchkey-agent status" on each, or give each a password of its own with --generate.');
    const details = newcomers.map(({ name, fingerprint }) => {
      return { subject: name, code: 'identity-unknown', message: `is seen for the first time, as ${fingerprint}` };
    });
    await mustConfirm({ terminal }, 'Trust them and send the password?', false, '--trust-new', details);
    return;
  }
  const firstUse = newcomers.map(({ name, fingerprint }) => `${name}: identity ${fingerprint} is trusted on first use`);
  showNotes([...notes, ...firstUse], terminal);
}

type Asking = Pick<ResetRequest, 'plan' | 'chosenElsewhere' | 'passwordSource' | 'trustNew'>;

function mustAsk({ plan, chosenElsewhere, passwordSource, trustNew }: Asking, isMixed: boolean): boolean {
  if (passwordSource === 'generate' || trustNew) return false;
  return plan.targets.tags.length > 0 || chosenElsewhere || isMixed;
}

/** How they came to be in it. */
function choice({ plan, chosenElsewhere }: Asking): string {
  if (chosenElsewhere) return 'the control plane lists';
  return plan.targets.tags.length > 0 ? 'carry the tag' : 'share the password';
}

function nameAndFingerprint({ name, fingerprint }: KnownInstance): string {
  return `${name}  ${fingerprint}`;
}

function showNotes(notes: readonly string[], terminal: Terminal): void {
  for (const note of notes.slice(0, NOTES_SHOWN_MAX)) terminal.err(note);
  if (notes.length > NOTES_SHOWN_MAX) terminal.err(`and ${notes.length - NOTES_SHOWN_MAX} more`);
}
