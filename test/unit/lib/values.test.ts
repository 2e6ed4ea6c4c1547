import fc from "fast-check";
import { DomainError, isRefusal } from "../../../lib/errors.ts";
import { toBusError } from "../../../middlewares/domain-errors.middleware.ts";
import { formatMoney, lineTotalCents, parseCents, sumCents } from "../../../lib/money.ts";
import { decodeCursor, encodeCursor, toPage } from "../../../lib/page.ts";
import { backoffMs, toIso } from "../../../lib/time.ts";
import { derivedKey } from "../../../lib/secrets.ts";
import { testConfig } from "../../support/config.ts";

describe("money", () => {
  it.each([
    ["2.55", 255],
    ["0.1", 10],
    ["12", 1200],
    [" 3.39 ", 339],
    ["1.005", null],
    ["-1", null],
    ["1e3", null],
    ["", null],
    ["1,50", null],
  ])("reads %j as %j cents", (text, cents) => {
    expect(parseCents(text)).toBe(cents);
  });

  it("comes back from text to the cent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (cents) => {
        expect(parseCents((cents / 100).toFixed(2))).toBe(cents);
      }),
    );
  });

  it("refuses what a double does not hold exactly", () => {
    expect(() => lineTotalCents(2, Number.MAX_SAFE_INTEGER)).toThrow(RangeError);
    expect(() => sumCents([Number.MAX_SAFE_INTEGER, 1])).toThrow(RangeError);
  });

  it.each([
    [255, "GBP", "en", "£2.55"],
    [1_234_567, "GBP", "en", "£12,345.67"],
    [500, "JPY", "en", "¥500"],
    [1_999, "CNY", "zh", "¥19.99"],
  ])("shows %d %s to a reader of %s as %s", (cents, currency, locale, shown) => {
    expect(formatMoney(cents, currency, locale)).toBe(shown);
  });
});

describe("cursors", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (text, number) => {
        expect(decodeCursor(encodeCursor([text, number]), ["string", "number"])).toEqual([text, number]);
      }),
    );
  });

  it.each(["", "zzz", encodeCursor([1]), encodeCursor(["a", "b"]), Buffer.from("{}").toString("base64url")])(
    "refuse %j",
    (cursor) => {
      expect(() => decodeCursor(cursor, ["string"])).toThrow(expect.objectContaining({ kind: "invalid" }) as Error);
    },
  );

  it("are there exactly when there is more", () => {
    const page = (rows: number[]) => toPage(rows, 2, (row) => [row], String);
    expect(page([1, 2])).toEqual({ items: ["1", "2"], nextCursor: null });
    expect(page([1, 2, 3])).toEqual({ items: ["1", "2"], nextCursor: encodeCursor([2]) });
  });
});

describe("time", () => {
  it("is RFC 3339 in UTC with milliseconds", () => {
    expect(toIso(1_700_000_000_007)).toBe("2023-11-14T22:13:20.007Z");
  });

  it("between tries doubles up to its limit, half of it by chance", () => {
    expect([0, 1, 2, 3, 10, 1000].map((attempt) => backoffMs(attempt, 100, 1_000))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, chance) => {
        const full = backoffMs(attempt, 100, 60_000);
        expect(backoffMs(attempt, 100, 60_000, chance)).toBeGreaterThanOrEqual(full / 2);
        expect(backoffMs(attempt, 100, 60_000, chance)).toBeLessThanOrEqual(full);
      }),
    );
  });
});

describe("errors", () => {
  it.each([
    ["invalid", 422],
    ["unauthenticated", 401],
    ["declined", 402],
    ["forbidden", 403],
    ["not_found", 404],
    ["conflict", 409],
    ["too_many", 429],
    ["unavailable", 503],
  ] as const)("of the kind %s cross the bus as %d", (kind, status) => {
    const error = toBusError(new DomainError(kind, "SKU_TAKEN", "Sentence.", { sku: "A" }));
    expect(error).toMatchObject({ code: status, type: "SKU_TAKEN", message: "Sentence.", data: { sku: "A" } });
  });

  it("are refusals only when asking again would not help", () => {
    expect(isRefusal(new DomainError("conflict", "SKU_TAKEN", "x"))).toBe(true);
    expect(isRefusal(new DomainError("unavailable", "OVERLOADED", "x"))).toBe(false);
    expect(isRefusal(new DomainError("too_many", "RATE_LIMITED", "x"))).toBe(false);
    expect(isRefusal({ code: 404, type: "SERVICE_NOT_FOUND" })).toBe(false);
    expect(isRefusal({ code: 409, type: "OUT_OF_STOCK" })).toBe(true);
    expect(isRefusal(new Error("away"))).toBe(false);
  });
});

describe("derived keys", () => {
  it("are the same for one secret and purpose, and differ otherwise", () => {
    const config = testConfig();
    const other = testConfig({ SECRET_KEY: "k".repeat(40) });
    expect(derivedKey(config, "sandbox-webhooks")).toEqual(derivedKey(config, "sandbox-webhooks"));
    expect(derivedKey(config, "sandbox-webhooks")).not.toEqual(derivedKey(config, "signing-key-encryption"));
    expect(derivedKey(other, "sandbox-webhooks")).not.toEqual(derivedKey(config, "sandbox-webhooks"));
  });
});
