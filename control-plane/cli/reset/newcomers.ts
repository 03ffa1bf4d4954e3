import { mustConfirm } from '../confirm.ts';
import type { KnownInstance } from '../identities/known-instances.ts';
import { countText } from '../output/format.ts';
import type { Terminal } from '../ports.ts';
import type { PlanVerdict } from './judge-plan.ts';
import type { ResetRequest } from './request.ts';

const NOTES_SHOWN_MAX = 20;

/**
 * Shows whose identity is seen for the first time, and asks about them where they were not named but chosen by a tag or by a list of the control plane,
 * and would share a password with others: what carries a tag is the control plane's to say, so whoever controls its
 * database could have an instance of his own among them, and learn the password of all. Rejects when it is not wanted.
 */
export async function admitNewcomers(
  request: Pick<ResetRequest, 'plan' | 'chosenElsewhere' | 'passwordSource' | 'trustNew'>,
  { newcomers, notes, ready }: Pick<PlanVerdict, 'newcomers' | 'notes' | 'ready'>,
  terminal: Terminal,
): Promise<void> {
  if (mustAsk(request) && newcomers.length > 0) {
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

function mustAsk({ plan, chosenElsewhere, passwordSource, trustNew }: Asking): boolean {
  return (plan.targets.tags.length > 0 || chosenElsewhere) && passwordSource !== 'generate' && !trustNew;
}

/** How they came to be in it. */
function choice({ chosenElsewhere }: Asking): string {
  return chosenElsewhere ? 'the control plane lists' : 'carry the tag';
}

function nameAndFingerprint({ name, fingerprint }: KnownInstance): string {
  return `${name}  ${fingerprint}`;
}

function showNotes(notes: readonly string[], terminal: Terminal): void {
  for (const note of notes.slice(0, NOTES_SHOWN_MAX)) terminal.err(note);
  if (notes.length > NOTES_SHOWN_MAX) terminal.err(`and ${notes.length - NOTES_SHOWN_MAX} more`);
}
