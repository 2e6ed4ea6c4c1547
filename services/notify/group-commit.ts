/**
 * Lets callers share transactions: while one group is being committed the next callers queue, and then go together, at
 * most `limit` of them. Nobody waits for a timer. `commit` answers one result an item, in order. When a group fails its
 * items are committed one by one, so that only the guilty caller meets the error.
 */
export function groupCommit<T, R>(limit: number, commit: (items: T[]) => Promise<R[]>): (item: T) => Promise<R> {
  interface Caller {
    item: T;
    resolve: (result: R) => void;
    reject: (error: unknown) => void;
  }
  let queue: Caller[] = [];
  let running = false;

  const flush = async (group: Caller[]): Promise<void> => {
    try {
      const results = await commit(group.map(({ item }) => item));
      group.forEach(({ resolve }, i) => resolve(results[i] as R));
    } catch (error) {
      if (group.length === 1) return group[0]?.reject(error);
      for (const caller of group) await flush([caller]);
    }
  };

  const run = async (): Promise<void> => {
    running = true;
    while (queue.length > 0) {
      const group = queue.slice(0, limit);
      queue = queue.slice(limit);
      await flush(group);
    }
    running = false;
  };

  return (item) =>
    new Promise<R>((resolve, reject) => {
      queue.push({ item, resolve, reject });
      if (!running) void run();
    });
}
