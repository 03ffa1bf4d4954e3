import type { ChangeKind } from '#protocol';
import type { Repositories, Store } from './store.ts';

interface Watched<R> {
  readonly kind: ChangeKind;
  readonly methods: readonly (keyof R)[];
}

/** The methods that change something of a kind; what they change beyond that nobody watches. */
const CHANGES: { readonly [R in keyof Repositories]?: Watched<Repositories[R]> } = {
  instances: { kind: 'instances', methods: ['insert', 'update', 'updateIf', 'delete', 'markAllDisconnected'] },
  projects: { kind: 'instances', methods: ['put'] },
  tasks: { kind: 'resets', methods: ['insert', 'update'] },
  resets: { kind: 'resets', methods: ['start', 'finish', 'pause', 'stop', 'deleteFinished'] },
  tokens: { kind: 'tokens', methods: ['insert', 'revoke', 'takeUse'] },
  consoleSessions: { kind: 'tokens', methods: ['insert', 'revoke'] },
};

/** The same store, which says after each transaction what kinds of things it has changed. */
export function noticingStore(store: Store, onChanged: (kinds: ReadonlySet<ChangeKind>) => void): Store {
  return {
    read: store.read,
    scrub: () => store.scrub(),
    close: () => store.close(),
    async transaction(work) {
      const kinds = new Set<ChangeKind>();
      const result = await store.transaction((tx) => work(noting(tx, kinds)));
      if (kinds.size > 0) onChanged(kinds);
      return result;
    },
  };
}

function noting(tx: Repositories, kinds: Set<ChangeKind>): Repositories {
  const entries = Object.entries(tx).map(([name, repository]: [string, object]) => {
    const watched: { readonly kind: ChangeKind; readonly methods: readonly string[] } | undefined =
      CHANGES[name as keyof Repositories];
    if (watched === undefined) return [name, repository] as const;
    const noted = new Proxy(repository, {
      get(target, member, receiver) {
        if (watched.methods.includes(String(member))) kinds.add(watched.kind);
        return Reflect.get(target, member, receiver) as unknown;
      },
    });
    return [name, noted] as const;
  });
  // Each entry is the repository itself, or one that behaves like it.
  return Object.fromEntries(entries) as unknown as Repositories;
}
