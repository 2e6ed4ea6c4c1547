import type * as api from "../src/lib/api.ts";
import type * as session from "../src/lib/session.ts";
import type { Profile } from "../../contracts/users.ts";

// The browser's side of sessions, with a server that is held up at will.

type Web = typeof session & typeof api;

const personOf = (name: string): Profile => ({ id: name, name, email: `${name}@example.com`, roles: [] }) as never;
const sessionOf = (name: string, expiresIn: number) => ({
  user: personOf(name),
  accessToken: `token of ${name}`,
  refreshToken: `refresh token of ${name}`,
  expiresIn,
});

describe("a session in the browser, when somebody else signs in while a request waits", () => {
  const asked: { path: string; token: string | null }[] = [];
  const answers = new Map<string, () => Promise<Response>>();
  let web: Web;
  let held: (() => void)[];

  const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
  /** Answers only once it is let go. */
  const late = (answer: () => Response) => () => new Promise<Response>((resolve) => held.push(() => resolve(answer())));
  const signIn = async (name: string, expiresIn = 900): Promise<void> => {
    answers.set("/auth/login", () => Promise.resolve(json(200, sessionOf(name, expiresIn))));
    await web.signIn({ email: `${name}@example.com`, password: "x" });
  };
  const tokensFor = (path: string): (string | null)[] =>
    asked.filter((one) => one.path === path).map(({ token }) => token);

  beforeEach(async () => {
    const stored = new Map<string, string>();
    Object.assign(globalThis, {
      localStorage: {
        getItem: (name: string) => stored.get(name) ?? null,
        setItem: (name: string, value: string) => void stored.set(name, value),
        removeItem: (name: string) => void stored.delete(name),
      },
      addEventListener: () => undefined,
      fetch: (url: string, { headers }: { headers: Record<string, string> }) => {
        const path = url.replace("/api/v1", "");
        asked.push({ path, token: headers.authorization?.replace("Bearer ", "") ?? null });
        return answers.get(path)?.() ?? Promise.reject(new Error(`nobody asks for ${path}`));
      },
    });
    asked.length = 0;
    answers.clear();
    held = [];
    jest.resetModules();
    web = {
      ...(await import("../src/lib/session.ts")),
      ...(await import("../src/lib/api.ts")),
    };
  });

  it("does not ask again with the other one's token", async () => {
    await signIn("ann");
    answers.set(
      "/orders",
      late(() => json(401, { code: "INVALID_TOKEN" })),
    );
    const orders = web.get("/orders");
    await Promise.resolve();
    await signIn("bob");
    held[0]?.();

    await expect(orders).rejects.toMatchObject({ code: "INVALID_TOKEN" });
    expect(tokensFor("/orders")).toEqual(["token of ann"]);
    expect(web.user.value?.id).toBe("bob");
  });

  it("does not send what waited for a new token", async () => {
    await signIn("ann", 1);
    answers.set(
      "/auth/refresh",
      late(() => json(200, sessionOf("ann", 900))),
    );
    const orders = web.get("/orders");
    await Promise.resolve();
    await signIn("bob");
    held[0]?.();

    await expect(orders).rejects.toMatchObject({ name: "AbortError" });
    expect(tokensFor("/orders")).toEqual([]);
    expect(web.user.value?.id).toBe("bob");
  });

  it("keeps nothing of the earlier one's profile", async () => {
    await signIn("bob");
    web.keepProfile(personOf("ann"));

    expect(web.user.value?.id).toBe("bob");
  });

  it("asks again with a new token of the same person", async () => {
    await signIn("ann");
    answers.set("/auth/refresh", () => Promise.resolve(json(200, { ...sessionOf("ann", 900), accessToken: "newer" })));
    answers.set("/orders", () =>
      Promise.resolve(
        tokensFor("/orders").length === 1 ? json(401, { code: "INVALID_TOKEN" }) : json(200, { items: [] }),
      ),
    );

    await expect(web.get("/orders")).resolves.toEqual({ items: [] });
    expect(tokensFor("/orders")).toEqual(["token of ann", "newer"]);
  });
});
