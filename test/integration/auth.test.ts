import type { Database } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { attemptsRepository } from "../../services/auth/attempts.repository.ts";
import { expiredRepository } from "../../services/auth/expired.repository.ts";
import { leadMs, openKeyRing, overlapMs, rotationMs } from "../../services/auth/key-ring.ts";
import { keysRepository } from "../../services/auth/keys.repository.ts";
import { assertWithin, countAttempt, reserveAttempt, type Limit } from "../../services/auth/limits.ts";
import { migrations } from "../../services/auth/migrations/index.ts";
import { resetsRepository, type ResetsRepository } from "../../services/auth/resets.repository.ts";
import {
  revocationMs,
  revocationsRepository,
  type RevocationsRepository,
} from "../../services/auth/revocations.repository.ts";
import { sessionsRepository, type SessionsRepository } from "../../services/auth/sessions.repository.ts";
import { digestOf, newToken } from "../../services/auth/tokens.ts";
import { delivery } from "../support/delivery.ts";
import { describeStores } from "../support/stores.ts";

const dayMs = 24 * 3600_000;
const applied = delivery(() => true);
const seen = delivery(() => false);

describeStores("auth", (store) => {
  let db: Database;
  let sessions: SessionsRepository;
  let revocations: RevocationsRepository;
  let resets: ResetsRepository;
  let nowMs = Date.UTC(2030, 0, 1);
  const now = () => nowMs;

  beforeAll(async () => {
    db = await store().open("auth", migrations);
    revocations = revocationsRepository(db);
    sessions = sessionsRepository(db, revocations, now);
    resets = resetsRepository(db);
  });
  beforeEach(async () => {
    nowMs += 100 * dayMs;
    for (const table of [
      "accounts",
      "families",
      "refresh_tokens",
      "revocations",
      "signing_keys",
      "attempts",
      "reset_tokens",
    ]) {
      await db.execute(`DELETE FROM ${table}`);
    }
  });

  interface Opened {
    userId: string;
    familyId: string;
    digest: string;
  }
  const open = async (userId = newId()): Promise<Opened> => {
    const session = { userId, familyId: newId(), digest: digestOf(newToken()) };
    expect(await sessions.open({ ...session, startedMs: nowMs })).toBe(true);
    return session;
  };
  const rotate = ({ userId, digest }: Opened, successor = digestOf(`after ${digest}`)) =>
    sessions.rotate({ userId, digest, successor, startedMs: nowMs });
  const successorOf = (session: Opened): Opened => ({ ...session, digest: digestOf(`after ${session.digest}`) });
  const last = async (): Promise<number> => (await revocations.after(0, 0)).at(-1)?.sequence ?? 0;

  describe("refresh tokens", () => {
    it("are known by digest only, and each leads to one successor", async () => {
      const first = await open();

      expect(await sessions.find(first.digest)).toEqual({ userId: first.userId, familyId: first.familyId });
      expect(await rotate(first)).toEqual({ rotated: true, revocations: [] });
      expect(await rotate(successorOf(first))).toEqual({ rotated: true, revocations: [] });
      expect(await sessions.find(digestOf("unknown"))).toBeNull();
      expect(await rotate({ ...first, digest: digestOf("unknown") })).toEqual({ rotated: false, revocations: [] });
    });

    it("may be used at once by many, who all get the same successor", async () => {
      const first = await open();

      const uses = await Promise.all(Array.from({ length: 10 }, () => rotate(first)));

      expect(uses.every(({ rotated }) => rotated)).toBe(true);
      expect(await db.select("SELECT digest FROM refresh_tokens")).toHaveLength(2);
    });

    it("end their family as soon as one is used again after its first use was over", async () => {
      const first = await open();
      await rotate(first);
      nowMs += 1;

      expect((await rotate(first)).rotated).toBe(false);
      expect(await rotate(successorOf(first))).toEqual({ rotated: false, revocations: [] });
    });

    it("end their whole family when one is used again later, once, and with it the access tokens", async () => {
      const first = await open();
      await rotate(first);
      nowMs += 10_001;

      const reuses = await Promise.all(Array.from({ length: 5 }, () => rotate(first)));

      expect(reuses.map(({ rotated }) => rotated)).toEqual([false, false, false, false, false]);
      expect(reuses.flatMap((reuse) => reuse.revocations)).toMatchObject([{ subject: first.familyId }]);
      expect(reuses.flatMap((reuse) => reuse.revocations)[0]?.issuedBefore).toBeGreaterThan(nowMs);
      expect(await rotate(successorOf(first))).toEqual({ rotated: false, revocations: [] });
    });

    it("end after thirty days without use, and count anew with each", async () => {
      const first = await open();
      nowMs += 29 * dayMs;
      expect((await rotate(first)).rotated).toBe(true);
      nowMs += 29 * dayMs;
      expect((await rotate(successorOf(first))).rotated).toBe(true);
      nowMs += 30 * dayMs;
      expect((await rotate(successorOf(successorOf(first)))).rotated).toBe(false);
    });
  });

  describe("sessions", () => {
    it("end one by one", async () => {
      const one = await open();
      const two = await open(one.userId);

      expect(await sessions.end(one.userId, one.familyId)).toMatchObject([{ subject: one.familyId }]);
      expect(await sessions.end(one.userId, one.familyId)).toEqual([]);
      expect((await rotate(one)).rotated).toBe(false);
      expect((await rotate(two)).rotated).toBe(true);
    });

    it("need no revocation when their last access token has ended by itself", async () => {
      const one = await open();
      nowMs += 900_000;

      expect(await sessions.end(one.userId, one.familyId)).toEqual([]);
      expect((await rotate(one)).rotated).toBe(false);
    });

    it("end all but one", async () => {
      const [kept, other] = [await open(), await open()];
      const mine = await open(kept.userId);

      expect(await sessions.endOthers(kept.userId, kept.familyId)).toMatchObject([{ subject: mine.familyId }]);
      expect((await rotate(mine)).rotated).toBe(false);
      expect((await rotate(kept)).rotated).toBe(true);
      expect((await rotate(other)).rotated).toBe(true);
    });

    it("end all, and later ones are not meant", async () => {
      const before = await open();
      const [revocation] = await sessions.endAll(before.userId);
      nowMs += 1;
      const after = await open(before.userId);

      expect(revocation).toMatchObject({ subject: before.userId, issuedBefore: nowMs });
      expect((await rotate(before)).rotated).toBe(false);
      expect((await rotate(after)).rotated).toBe(true);
    });

    it("do not begin on what was true before they were ended", async () => {
      const { userId, familyId } = await open();
      const startedMs = nowMs;
      nowMs += 5;
      await sessions.endOthers(userId, familyId);
      const stale = { userId, familyId: newId(), digest: digestOf(newToken()), startedMs };

      expect(await sessions.open(stale)).toBe(false);
      expect(await sessions.find(stale.digest)).toBeNull();
      await sessions.endAll(userId);
      expect(await sessions.open({ ...stale, startedMs: nowMs })).toBe(false);
      expect(await sessions.open({ ...stale, startedMs: nowMs + 1 })).toBe(true);
    });

    it("never survive being ended while others begin and refresh", async () => {
      const { userId, ...rest } = await open();
      const startedMs = nowMs;
      nowMs += 1;
      const begun = Array.from({ length: 10 }, () => ({ userId, familyId: newId(), digest: digestOf(newToken()) }));

      await Promise.all([
        ...begun.slice(0, 5).map((session) => sessions.open({ ...session, startedMs })),
        rotate({ userId, ...rest }),
        sessions.endAll(userId),
        ...begun.slice(5).map((session) => sessions.open({ ...session, startedMs })),
      ]);

      expect(await db.select("SELECT id FROM families WHERE ended_at IS NULL")).toEqual([]);
    });

    it("end by an event once, and only those from before it", async () => {
      const before = await open();
      const eventMs = (nowMs += 10);
      nowMs += 10;
      const after = await open(before.userId);

      expect(await sessions.endAll(before.userId, { beforeMs: eventMs, delivery: seen })).toEqual([]);
      expect((await rotate(before)).rotated).toBe(true);
      const revoked = await sessions.endAll(before.userId, { beforeMs: eventMs, delivery: applied });

      expect(revoked).toMatchObject([{ subject: before.userId, issuedBefore: eventMs }]);
      expect((await rotate(before)).rotated).toBe(false);
      expect((await rotate(after)).rotated).toBe(true);
    });

    it("leave nothing of an erased user", async () => {
      const gone = await open();
      const stays = await open();
      await rotate(gone);
      await resets.add(digestOf("r"), gone.userId, nowMs + 1000);
      nowMs += 10;

      expect(await sessions.forget(gone.userId, { beforeMs: nowMs, delivery: seen })).toEqual([]);
      expect(await sessions.find(gone.digest)).not.toBeNull();
      expect(await sessions.forget(gone.userId, { beforeMs: nowMs, delivery: applied })).toMatchObject([
        { subject: gone.userId, issuedBefore: nowMs },
      ]);

      expect(await sessions.find(gone.digest)).toBeNull();
      expect(await db.select("SELECT digest FROM reset_tokens")).toEqual([]);
      expect((await db.select<{ id: string }>("SELECT id FROM families")).map(({ id }) => id)).toEqual([
        stays.familyId,
      ]);
    });
  });

  describe("revocations", () => {
    it("are read after a number, in order, for as long as they matter", async () => {
      const [one, two] = [await open(), await open()];
      const start = await last();
      const [first] = await sessions.endAll(one.userId);
      nowMs += 1000;
      const [second] = await sessions.end(two.userId, two.familyId);

      expect(await revocations.after(start, nowMs)).toEqual([first, second]);
      expect(await revocations.after(first?.sequence ?? 0, nowMs)).toEqual([second]);
      expect(await revocations.after(start, nowMs - 1000 + revocationMs)).toEqual([second]);
      expect(await revocations.after(start, nowMs + revocationMs)).toEqual([]);
    });

    it("are never committed behind a number that was read already", async () => {
      const opened = [];
      for (let i = 0; i < 20; i += 1) opened.push(await open());
      const start = await last();
      const read: number[] = [];
      let ended = false;

      const reader = (async () => {
        for (let after = start; !ended || (await last()) > after;) {
          for (const { sequence } of await revocations.after(after, nowMs)) read.push((after = sequence));
        }
      })();
      await Promise.all(opened.map(({ userId }) => sessions.endAll(userId)));
      ended = true;
      await reader;

      expect(read).toHaveLength(20);
      expect(read).toEqual(read.toSorted((a, b) => a - b));
    });
  });

  describe("limits", () => {
    const limit: Limit = { subject: digestOf("somebody"), most: 3, windowMs: 60_000 };
    const other: Limit = { ...limit, subject: digestOf("somebody else") };
    const deps = () => ({ attempts: attemptsRepository(db, newId, async () => nowMs) });

    it("are reached by attempts within the window, say how long to wait, and end by themselves", async () => {
      for (let i = 0; i < 3; i += 1) {
        await assertWithin(deps(), [limit, other]);
        await countAttempt(deps(), [limit]);
        nowMs += 10_000;
      }

      await expect(assertWithin(deps(), [other, limit])).rejects.toMatchObject({
        kind: "too_many",
        code: "RATE_LIMITED",
        data: { retryAfterSeconds: 30 },
      });
      await assertWithin(deps(), [other]);
      nowMs += 30_000;
      await assertWithin(deps(), [limit]);
    });

    it("hold for attempts at once that are counted beforehand, and refused ones do not count", async () => {
      const tried = await Promise.allSettled(Array.from({ length: 12 }, () => reserveAttempt(deps(), [limit])));
      const passed = tried.filter(({ status }) => status === "fulfilled").length;

      expect(passed).toBe(3);
      expect(tried.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "RATE_LIMITED" } });
      expect(await db.select("SELECT id FROM attempts")).toHaveLength(3);
    });

    it("hold on a node whose clock is behind, where nodes share a database", async () => {
      if (db.dialect === "sqlite") return;
      const attempts = attemptsRepository(db, newId);
      const clock = jest.spyOn(Date, "now").mockReturnValue(Date.now() - 2 * limit.windowMs);
      for (let i = 0; i < limit.most; i += 1) await countAttempt({ attempts }, [limit]);
      clock.mockRestore();

      await expect(assertWithin({ attempts }, [limit])).rejects.toMatchObject({ code: "RATE_LIMITED" });
    });
  });

  describe("reset tokens", () => {
    it("are good for one use, whoever comes first", async () => {
      const userId = newId();
      await resets.add(digestOf("r"), userId, nowMs + 1000);

      const claimed = await Promise.all(Array.from({ length: 6 }, () => resets.claim(digestOf("r"), nowMs)));

      expect(claimed.filter((id) => id !== null)).toEqual([userId]);
      await resets.giveBack(digestOf("r"));
      expect(await resets.claim(digestOf("r"), nowMs)).toBe(userId);
    });

    it("end with their time, and all at once", async () => {
      const userId = newId();
      await resets.add(digestOf("r"), userId, nowMs + 1000);
      await resets.add(digestOf("s"), userId, nowMs + 1000);

      expect(await resets.claim(digestOf("r"), nowMs + 1000)).toBeNull();
      expect(await resets.claim(digestOf("t"), nowMs)).toBeNull();
      await resets.removeAll(userId);
      expect(await resets.claim(digestOf("s"), nowMs)).toBeNull();
    });
  });

  describe("signing keys", () => {
    const secret = Buffer.alloc(32, 7);
    const ringWith = (...secrets: [Buffer, ...Buffer[]]) =>
      openKeyRing({ keys: keysRepository(db), secrets, newId }, nowMs);
    const openRing = () => ringWith(secret);

    it("are the same on nodes that start at once", async () => {
      const rings = await Promise.all(Array.from({ length: 4 }, openRing));

      expect(new Set(rings.map((ring) => ring.signer(nowMs).kid)).size).toBe(1);
      expect(rings.map((ring) => ring.published(nowMs).length)).toEqual([1, 1, 1, 1]);
    });

    it("rotate once for all nodes, overlap, and go", async () => {
      const [one, two] = [await openRing(), await openRing()];
      const old = one.signer(nowMs).kid;
      nowMs += rotationMs;
      await Promise.all([one.rotateIfDue(nowMs), two.rotateIfDue(nowMs)]);

      expect(one.published(nowMs)).toHaveLength(2);
      expect(one.signer(nowMs).kid).toBe(old);
      nowMs += leadMs;
      const young = one.signer(nowMs).kid;
      expect(young).not.toBe(old);
      await Promise.all([one.rotateIfDue(nowMs), two.rotateIfDue(nowMs)]);
      expect(two.signer(nowMs).kid).toBe(young);
      expect(two.published(nowMs).map(({ kid }) => kid)).toEqual([old, young]);
      nowMs += overlapMs;
      await one.rotateIfDue(nowMs);
      expect(one.published(nowMs).map(({ kid }) => kid)).toEqual([young]);
      expect(await keysRepository(db).all()).toHaveLength(1);
    });

    it("stay shut to another secret", async () => {
      await openRing();
      await expect(ringWith(Buffer.alloc(32, 8))).rejects.toThrow(/SECRET_KEY does not open the signing key/);
    });

    it("open with the secret before, and are sealed with the new one", async () => {
      const [before, after] = [secret, Buffer.alloc(32, 8)];
      const old = await openRing();
      nowMs += rotationMs;
      await old.rotateIfDue(nowMs);
      const kids = old.published(nowMs).map(({ kid }) => kid);
      expect(kids).toHaveLength(2);

      const during = await Promise.all([ringWith(after, before), ringWith(after, before)]);
      for (const ring of during) expect(ring.published(nowMs).map(({ kid }) => kid)).toEqual(kids);
      // a node that still runs with the old one alone has opened them already
      await old.rotateIfDue(nowMs);
      expect(old.signer(nowMs).privateKey.equals(during[0]?.signer(nowMs).privateKey)).toBe(true);

      const alone = await ringWith(after);
      expect(alone.signer(nowMs).kid).toBe(old.signer(nowMs).kid);
      await expect(ringWith(before)).rejects.toThrow(/SECRET_KEY does not open/);
    });
  });

  it("deletes what has expired, in batches, and nothing else", async () => {
    const expired = expiredRepository(db);
    const one = await open();
    await rotate(one);
    await sessions.endAll(one.userId);
    await resets.add(digestOf("r"), one.userId, nowMs + 1000);
    await attemptsRepository(db, newId, async () => nowMs).record({ subject: digestOf("x"), most: 1, windowMs: 1 });
    const counts = async (): Promise<number[]> => {
      const tables = ["families", "refresh_tokens", "revocations", "reset_tokens", "attempts"];
      const rows = await Promise.all(tables.map((table) => db.select(`SELECT * FROM ${table}`)));
      return rows.map(({ length }) => length);
    };

    expect(await expired.sweep(nowMs, 100)).toBe(false);
    expect(await counts()).toEqual([1, 2, 1, 1, 1]);
    expect(await expired.sweep(nowMs + 31 * dayMs, 1)).toBe(true);
    expect(await counts()).toEqual([0, 1, 0, 0, 0]);
    expect(await expired.sweep(nowMs + 31 * dayMs, 100)).toBe(false);
    expect(await counts()).toEqual([0, 0, 0, 0, 0]);
  });
});
