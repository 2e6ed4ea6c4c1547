import { query, send, type Method, type Sent } from "./http.ts";
import { isProblem } from "./problem.ts";
import { accessToken, endSession, renewed, user } from "./session.ts";

const whoever = (): string | null => user.peek()?.id ?? null;

/**
 * A request as whoever is signed in. A token that the server takes no more is renewed once. Never is a request of one person
 * sent with the token of another, who signed in while it waited.
 */
export async function request<T>(method: Method, path: string, sent: Sent = {}): Promise<T> {
  const asker = whoever();
  const token = await accessToken();
  if (whoever() !== asker) throw new DOMException("Somebody else is signed in now.", "AbortError");
  try {
    return await send<T>(method, path, { ...sent, token });
  } catch (error) {
    if (token === null || !isProblem(error, "INVALID_TOKEN")) throw error;
    const next = await renewed(token);
    if (next === null || whoever() !== asker) throw error;
    return send<T>(method, path, { ...sent, token: next }).catch((again: unknown) => {
      if (isProblem(again, "INVALID_TOKEN") && whoever() === asker) endSession();
      throw again;
    });
  }
}

type Query = Parameters<typeof query>[0];

export const get = <T>(path: string, asked: Query = {}, signal?: AbortSignal): Promise<T> =>
  request<T>("GET", path + query(asked), signal ? { signal } : {});
export const post = <T>(path: string, body?: unknown, key?: string): Promise<T> =>
  request<T>("POST", path, { body, ...(key === undefined ? {} : { key }) });
export const put = <T>(path: string, body: unknown): Promise<T> => request<T>("PUT", path, { body });
export const patch = <T>(path: string, body: unknown): Promise<T> => request<T>("PATCH", path, { body });
export const remove = (path: string): Promise<null> => request<null>("DELETE", path);

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
