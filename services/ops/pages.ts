/**
 * Lets everything else have its turn before the next page: where stores answer in process, promises alone would never
 * let go, and requests and heartbeats would wait for the end of the audit.
 */
export async function turn(stopping: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  stopping.throwIfAborted();
}

/** Pages of rows by key, until one is not full. */
export async function* pagesOf<R>(
  { stopping }: { stopping: AbortSignal },
  limit: number,
  fetch: (after: string | undefined) => Promise<R[]>,
  keyOf: (row: R) => string,
): AsyncGenerator<R[]> {
  for (let after: string | undefined; ;) {
    await turn(stopping);
    const rows = await fetch(after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < limit) return;
    after = keyOf(last);
  }
}
