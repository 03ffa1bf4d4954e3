import type { Repositories, Store } from './store.ts';

/** What can change, as far as whoever watches the whole is concerned. */
export type Kind = 'instances' | 'resets' | 'tokens';

/** The methods that change something of a kind; what they change beyond that nobody watches. */
const CHANGES: { readonly [R in keyof Repositories]?: { readonly kind: Kind; readonly methods: readonly string[] } } = {
  instances: { kind: 'instances', methods: ['insert', 'update', 'updateIf', 'delete', 'markAllDisconnected'] },
  tasks: { kind: 'resets', methods: ['insert', 'update'] },
  resets: { kind: 'resets', methods: ['start', 'finish', 'pause', 'stop', 'deleteFinished'] },
  tokens: { kind: 'tokens', methods: ['insert', 'revoke', 'takeUse'] },
  consoleSessions: { kind: 'tokens', methods: ['insert', 'revoke'] },
};

/** The same store, which says after each transaction what kinds of things it has changed. */
export function noticingStore(store: Store, onChanged: (kinds: ReadonlySet<Kind>) => void): Store {
  return {
    read: store.read,
    scrub: () => store.scrub(),
    close: () => store.close(),
    async transaction(work) {
      const kinds = new Set<Kind>();
      const result = await store.transaction((tx) => work(noting(tx, kinds)));
      if (kinds.size > 0) onChanged(kinds);
      return result;
    },
  };
}

function noting(tx: Repositories, kinds: Set<Kind>): Repositories {
  const entries = Object.entries(tx).map(([name, repository]: [string, object]) => {
    const watched = CHANGES[name as keyof Repositories];
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
