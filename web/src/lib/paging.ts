import { useState } from "preact/hooks";
import { get, type Page } from "./api.ts";
import { useLoaded, type Loaded } from "./loading.ts";

export interface Paged<T> extends Loaded<Page<T>> {
  items: readonly T[] | undefined;
  number: number;
  /** To the next or the previous page; undefined where there is none. */
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
}

type Query = Parameters<typeof get>[1];

/** A list of the server's, a page at a time. Other filters begin at its first page. */
export function usePages<T>(path: string, filters: Query = {}, options: { everyMs?: number } = {}): Paged<T> {
  const of = JSON.stringify([path, filters]);
  const [place, setPlace] = useState<{ of: string; cursors: readonly string[] }>({ of, cursors: [] });
  const cursors = place.of === of ? place.cursors : [];
  const cursor = cursors.at(-1);
  const loaded = useLoaded((signal) => get<Page<T>>(path, { ...filters, cursor }, signal), [of, cursor], options);
  const nextCursor = loaded.value?.nextCursor;
  const go = (to: readonly string[]) => (): void => {
    setPlace({ of, cursors: to });
    scrollTo(0, 0);
  };
  return {
    ...loaded,
    items: loaded.value?.items,
    number: cursors.length + 1,
    next: nextCursor ? go([...cursors, nextCursor]) : undefined,
    previous: cursors.length > 0 ? go(cursors.slice(0, -1)) : undefined,
  };
}
