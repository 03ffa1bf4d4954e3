/** Prints what a reset costs beside chpasswd alone, taken in turns in a private view of the account files. Needs root. */
import { openSandbox } from './support/sandbox.ts';

const ROUNDS = 25;
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const box = await openSandbox();
try {
  await box.sh('useradd -s /bin/sh alice');
  const bare: number[] = [];
  const applied: number[] = [];
  const verified: number[] = [];
  const appliedReady: number[] = [];
  const verifiedReady: number[] = [];
  const locked: number[] = [];
  for (let round = -3; round < ROUNDS; round += 1) {
    const rival = await box.chpasswd('alice', `Rival.Passw0rd${round}`);
    const result = await box.reset('alice', `Reset.Passw0rd${round}`);
    if (result.state !== 'succeeded') throw new Error(JSON.stringify(result));
    await box.sh('sleep 0.15'); // until a standby helper has been started
    const ready = await box.reset('alice', `Ready.Passw0rd${round}`, { standby: true });
    if (ready.state !== 'succeeded') throw new Error(JSON.stringify(ready));
    await box.sh('usermod -L alice');
    const kept = await box.reset('alice', `Locked.Passw0rd${round}`);
    await box.sh('usermod -U alice');
    if (kept.state !== 'succeeded') throw new Error(JSON.stringify(kept));
    if (round < 0) continue; // warming up
    bare.push(rival.tookMs);
    applied.push(result.appliedMs);
    verified.push(result.verifiedMs);
    appliedReady.push(ready.appliedMs);
    verifiedReady.push(ready.verifiedMs);
    locked.push(kept.appliedMs);
  }
  const base = median(bare);
  for (const [name, values] of Object.entries({
    'chpasswd alone': bare,
    applied,
    'applied and verified': verified,
    'standby: applied': appliedReady,
    'standby: verified': verifiedReady,
    'applied, lock kept': locked,
  })) {
    console.log(
      `${name.padEnd(22)} ${median(values).toFixed(1).padStart(6)} ms  ${(median(values) / base).toFixed(2)} x`,
    );
  }
} finally {
  await box.close();
}
