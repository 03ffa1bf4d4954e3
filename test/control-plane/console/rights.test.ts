import { ActorRole, ProjectName, TokenId } from '#protocol';
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ACTION_OF, rightsOf, type Rights } from '../../../control-plane/console/parts/rights.ts';
import { authorize } from '../../../control-plane/server/domain/authorization.ts';

const shop = ProjectName.parse('shop');
const NAMES = Object.keys(ACTION_OF) as (keyof Rights)[];

test.each(ActorRole.options.flatMap((role) => [null, [shop]].map((projects) => ({ role, projects }))))(
  'what is offered to %j is what the control plane would allow',
  ({ role, projects }) => {
    const token = { tokenId: TokenId.parse(randomUUID()), name: 'anna', accounts: null, privileged: true };
    const actor = { ...token, role, projects, expiresAt: null };
    const allowed = NAMES.filter(
      (name) => authorize(actor, ACTION_OF[name], { project: null, instanceId: null }).allow,
    );
    expect(NAMES.filter((name) => rightsOf({ role, projects })[name])).toEqual(allowed);
  },
);

test('to a viewer nothing is offered that changes anything', () => {
  expect(Object.values(rightsOf({ role: 'viewer', projects: null }))).not.toContain(true);
});
