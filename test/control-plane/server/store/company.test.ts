import { expect, test } from 'vitest';
import { createCompany } from '../../../../control-plane/server/store/company.ts';

function aCompany() {
  const waited: (number | 'turn')[] = [];
  const note = (what: number | 'turn') => Promise.resolve(void waited.push(what));
  return { waited, company: createCompany({ turn: () => note('turn'), wait: note }) };
}

test('who is alone waits for the end of the turn and no longer', async () => {
  const { waited, company } = aCompany();
  await company.gather();
  company.committed(1, 5);
  await company.gather();
  company.committed(3, 5);
  await company.gather();
  expect(waited).toEqual(['turn', 'turn', 'turn']);
});

test('after a crowd, as long again as its commit took, once', async () => {
  const { waited, company } = aCompany();
  company.committed(4, 2.5);
  await company.gather();
  await company.gather();
  expect(waited).toEqual(['turn', 2.5, 'turn']);
});

test('a slow disk holds nobody back for longer than ten milliseconds', async () => {
  const { waited, company } = aCompany();
  company.committed(200, 900);
  await company.gather();
  expect(waited).toEqual(['turn', 10]);
});

test('one who comes alone after a crowd waits for nobody any more', async () => {
  const { waited, company } = aCompany();
  company.committed(200, 5);
  company.committed(1, 5);
  await company.gather();
  expect(waited).toEqual(['turn']);
});
