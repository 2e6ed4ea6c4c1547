import { commonPasswords } from "../../../services/users/common-passwords.ts";
import { assertStrong, hashPassword, passwordMatches } from "../../../services/users/password.ts";
import { normaliseEmail } from "../../../lib/email.ts";

describe("a password", () => {
  it("is kept as argon2id with 19 MiB, two passes and a salt of its own", async () => {
    const [one, two] = await Promise.all([hashPassword("plum tart 77"), hashPassword("plum tart 77")]);

    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
  });

  it("matches what it was made from, and nothing else", async () => {
    const stored = await hashPassword("plum tart 77");

    expect(await passwordMatches("plum tart 77", stored)).toBe(true);
    expect(await passwordMatches("plum tart 78", stored)).toBe(false);
    expect(await passwordMatches("x".repeat(1024), stored)).toBe(false);
  });

  it("matches in whatever way its letters were composed", async () => {
    expect(await passwordMatches("cafe\u0301 au lait", await hashPassword("caf\u00e9 au lait"))).toBe(true);
  });

  it("matches nothing when there is none, not even the empty one", async () => {
    expect(await passwordMatches("", null)).toBe(false);
    expect(await passwordMatches("", "!")).toBe(false);
    expect(await passwordMatches("!", "!")).toBe(false);
  });

  it("takes as long to refuse for nobody as for somebody", async () => {
    const stored = await hashPassword("plum tart 77");
    await passwordMatches("warm up", null);
    const timed = async (hash: string | null): Promise<number> => {
      const started = performance.now();
      for (let i = 0; i < 8; i += 1) await passwordMatches("wrong", hash);
      return performance.now() - started;
    };

    const [somebody, nobody, erased] = [await timed(stored), await timed(null), await timed("!")];

    // without the same work it would be a thousandth
    expect(nobody).toBeGreaterThan(somebody / 3);
    expect(erased).toBeGreaterThan(somebody / 3);
  });

  it.each([
    "password",
    "PassWord1",
    "12345678",
    "qwertyuiop",
    "iloveyou",
    "aaaaaaaa",
    "\u{1F600}".repeat(8),
    "bobby.tables",
  ])("is refused when an attacker tries it first: %s", (weak) => {
    expect(() => assertStrong(weak, "bobby.tables@example.com", "newPassword")).toThrow(
      expect.objectContaining({
        kind: "invalid",
        code: "WEAK_PASSWORD",
        data: { errors: [{ field: "newPassword", code: "WEAK_PASSWORD", message: expect.any(String) as string }] },
      }) as Error,
    );
  });

  it("is refused when it is the e-mail", () => {
    expect(() => assertStrong("Bob@Example.com", "bob@example.com", "password")).toThrow("easily guessed");
  });

  it.each(["plum tart 77", "correct horse battery staple", "密码很长而且没有人会猜到"])("is accepted: %s", (strong) => {
    expect(() => assertStrong(strong, "bobby.tables@example.com", "password")).not.toThrow();
  });

  it("is compared with hundreds of common ones, all of them lower case and long enough to be tried", () => {
    expect(commonPasswords.size).toBeGreaterThan(500);
    for (const common of commonPasswords) {
      expect(common).toBe(common.normalize("NFKC").toLowerCase());
      expect(common.length).toBeGreaterThanOrEqual(8);
    }
  });
});

describe("an e-mail address", () => {
  it("is the same however it is spelt", () => {
    expect(normaliseEmail("  Ann@EXAMPLE.com ")).toBe("ann@example.com");
    expect(normaliseEmail("ａｎｎ@example.com")).toBe("ann@example.com");
  });
});
