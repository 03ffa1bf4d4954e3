import { fromBase64Url, fromUtf8, toBase64Url, utf8, type AccountName } from '#protocol';
import type { AgentOptions } from '../../../agent/agent.ts';
import type { Connection, ConnectionHandlers, ResetRequest, Storage, Transport } from '../../../agent/ports.ts';

type Break = (ports: AgentOptions) => AgentOptions;

const DISK_LAG_MS = 300;
const SECOND_LOOK_MS = 4_000;
const PUT_OFF_MS = 40_000;

/** Writes to the journal count as done before they are. */
export const actsBeforeItsJournal: Break = (ports) => {
  const { clock, storage } = ports;
  const append = async (name: string, bytes: Uint8Array): Promise<void> => {
    const copy = bytes.slice();
    await Promise.resolve();
    clock.after(DISK_LAG_MS, () => {
      storage.append(name, copy).catch(noSuchDisk);
    });
  };
  return { ...ports, storage: withStorage(storage, { append }) };
};

/** What the last run of the agent did is forgotten. */
export const forgetsItsJournal: Break = (ports) => {
  const { storage } = ports;
  const read = async (name: string): Promise<Uint8Array | null> => {
    const bytes = await storage.read(name);
    return name === 'journal' ? null : bytes;
  };
  return { ...ports, storage: withStorage(storage, { read }) };
};

/** Each order counts as newer than all before it. Its signature no longer fits, so that is not looked at either. */
export const comparesNoGenerations: Break = (ports) => {
  // Above what the last run made up, and within the step that an agent takes at once.
  let newest = 1_000 + Math.ceil(ports.clock.monotonic() / 100);
  const transport = hears(ports.transport, (text) =>
    rewriteOrder(text, (order) => {
      newest += 1;
      return { ...order, generation: newest };
    }),
  );
  return { ...ports, transport, crypto: { ...ports.crypto, verify: async () => Promise.resolve(true) } };
};

/** Orders count whoever signed them. */
export const checksNoSignatures: Break = (ports) => {
  const transport = hears(ports.transport, (text) => {
    const frame = JSON.parse(text) as { type: string; order?: { signature: string } };
    if (frame.type !== 'order' || frame.order === undefined) return text;
    const signature = fromBase64Url(frame.order.signature).toReversed();
    return JSON.stringify({ ...frame, order: { ...frame.order, signature: toBase64Url(signature) } });
  });
  return { ...ports, transport, crypto: { ...ports.crypto, verify: async () => Promise.resolve(true) } };
};

/** A result is said once; whether anybody heard it is not asked. */
export const saysResultsOnce: Break = (ports) => {
  const said = new Set<string>();
  const transport = speaks(ports.transport, (text) => {
    const frame = JSON.parse(text) as { type: string; result?: { signature: string } };
    if (frame.type !== 'result' || frame.result === undefined) return text;
    if (said.has(frame.result.signature)) return null;
    said.add(frame.result.signature);
    return text;
  });
  return { ...ports, transport };
};

/** What was applied is not told to a control plane that may have forgotten it. */
export const keepsItsGenerations: Break = (ports) => ({
  ...ports,
  transport: speaks(ports.transport, (text) => {
    const frame = JSON.parse(text) as { type: string };
    return frame.type === 'agent-proof' ? JSON.stringify({ ...frame, generations: [] }) : text;
  }),
});

/** The machine does not wait until it is recorded that a reset begins. */
export const beginsUnrecorded: Break = (ports) => ({
  ...ports,
  instance: {
    ...ports.instance,
    reset: (request) => ports.instance.reset({ ...request, begun: Promise.resolve(true) }),
  },
});

/** Success is an exit code. */
export const trustsExitCodes: Break = (ports) => ({
  ...ports,
  instance: {
    ...ports.instance,
    reset: async (request) => {
      await ports.instance.reset(request);
      return { state: 'succeeded', verifiedBy: 'login', warnings: [], appliedMs: 1, verifiedMs: 1 };
    },
  },
});

/** A reset that is over is done once more. */
export const runsResetsTwice: Break = (ports) => ({
  ...ports,
  instance: {
    ...ports.instance,
    reset: async (request: ResetRequest) => {
      let kept: Uint8Array | null = null;
      const password = async () => {
        const opened = await request.password();
        kept = opened?.slice() ?? null;
        return opened;
      };
      const again = { ...request, password: async () => kept, signal: new AbortController().signal };
      const outcome = await ports.instance.reset({ ...request, password });
      ports.clock.after(SECOND_LOOK_MS, () => {
        ports.instance.reset(again).catch(noSuchDisk);
      });
      return outcome;
    },
  },
});

/** One account is taken for the other. */
export const mistakesAccounts: Break = (ports) => ({
  ...ports,
  instance: { ...ports.instance, nameOf: async () => Promise.resolve({ ok: true, name: 'alice' as AccountName }) },
});

/** What it was told to do at once is put off. */
export const putsResetsOff: Break = (ports) => ({
  ...ports,
  instance: {
    ...ports.instance,
    reset: async (request: ResetRequest) => {
      await new Promise<void>((resolve) => ports.clock.after(PUT_OFF_MS, resolve));
      return ports.instance.reset(request);
    },
  },
});

function withStorage(storage: Storage, instead: Partial<Storage>): Storage {
  return { ...storage, ...instead };
}

function noSuchDisk(error: unknown): void {
  // The machine of a killed process is gone from under it; a full disk is one of the faults.
  if (!(error instanceof Error)) throw error;
}

/** What arrives is changed on its way. */
function hears(transport: Transport, change: (text: string) => string): Transport {
  return {
    dial: (handlers, authorities) => {
      const changed: ConnectionHandlers = {
        onOpen: () => {
          handlers.onOpen();
        },
        onMessage: (text) => {
          handlers.onMessage(text === null ? null : change(text));
        },
        onClose: (code, detail) => {
          handlers.onClose(code, detail);
        },
      };
      return transport.dial(changed, authorities);
    },
  };
}

/** What is said is changed on its way; null: it is not said. */
function speaks(transport: Transport, change: (text: string) => string | null): Transport {
  return {
    dial: (handlers, authorities) => {
      const connection: Connection = transport.dial(handlers, authorities);
      return {
        send: (text) => {
          const changed = change(text);
          if (changed !== null) connection.send(changed);
        },
        close: (code, reason) => {
          connection.close(code, reason);
        },
      };
    },
  };
}

function rewriteOrder(text: string, change: (order: { generation: number }) => unknown): string {
  const frame = JSON.parse(text) as { type: string; order: { bytes: string } };
  if (frame.type !== 'order') return text;
  const order = JSON.parse(fromUtf8(fromBase64Url(frame.order.bytes))) as { generation: number };
  const bytes = toBase64Url(utf8(JSON.stringify(change(order))));
  return JSON.stringify({ ...frame, order: { ...frame.order, bytes } });
}
