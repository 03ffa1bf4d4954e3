import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enroll, type EnrollOptions, type Enrolment } from '../../../agent/verbs/enroll.ts';
import { ControlPlane } from './control-plane.ts';
import { openTlsGateway, type TlsGateway } from './tls-gateway.ts';

/** A control plane on the loopback, and directories for an agent that may join it. */
export interface Enrolled extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly gateway: TlsGateway;
  /** The state directory; not there before `join`. */
  readonly directory: string;
  readonly policyFile: string;
  readonly options: {
    readonly directory: string;
    readonly policyFile: string;
    readonly environment: NodeJS.ProcessEnv;
  };
  join(change?: Partial<EnrollOptions>): Promise<Enrolment>;
}

export async function openEnrolledWorld(): Promise<Enrolled> {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-verbs-')));
  const controlPlane = await ControlPlane.create();
  const gateway = await openTlsGateway({ controlPlane });
  const directory = join(top, 'state');
  const policyFile = join(top, 'policy.json');
  return {
    ...{ controlPlane, gateway, directory, policyFile, options: { directory, policyFile, environment: {} } },
    join: (change) =>
      enroll({ url: gateway.url, name: 'web-1', directory, token: gateway.joinToken(), environment: {}, ...change }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      rmSync(top, { recursive: true, force: true });
    },
  };
}
