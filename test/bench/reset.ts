import type { Bench } from './bench.ts';
import { resetFigures } from './figures.ts';
import { measure } from './rounds.ts';
import { openStage } from './stage.ts';

const ROUNDS = 25;

export const reset: Bench = {
  name: 'reset',
  measures: 'one reset against bare chpasswd, by the agent alone and over the whole path; memory at rest',
  needs: 'a throwaway instance, made by itself',
  minutes: 5,
  async run({ options, signal, progress }) {
    const rounds = options.rounds ?? ROUNDS;
    progress('reset: starting an instance, a control plane and two agents …');
    await using stage = await openStage(signal);
    const found = await measure(stage, rounds, (done) => {
      progress(`reset: round ${String(done)} of ${String(rounds)}`);
    });
    return resetFigures({ rounds, ...found });
  },
};
