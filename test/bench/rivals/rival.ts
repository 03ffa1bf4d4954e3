/** What is measured beside us, or why it could not be had: a table names both. */
export type Rival<T> = { readonly had: true; readonly value: T } | { readonly had: false; readonly why: string };

/** Gets a rival; whatever keeps it away is the reason. A run that was ended early is no rival's fault. */
export async function tryRival<T>(signal: AbortSignal, get: () => Promise<T>): Promise<Rival<T>> {
  try {
    return { had: true, value: await get() };
  } catch (error) {
    signal.throwIfAborted();
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { had: false, why };
  }
}
