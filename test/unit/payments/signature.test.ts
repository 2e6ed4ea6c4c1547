import { sandboxProvider } from "../../../services/payments/providers/sandbox/client.ts";
import { isSignedBy, sign } from "../../../services/payments/providers/sandbox/signature.ts";

/** A matcher of a DomainError with these members. */
const refusal = (members: object): Error => expect.objectContaining(members) as Error;

const now = Date.UTC(2026, 0, 1);
const body = Buffer.from('{"name":"Zoë"}');
const valid = sign(body, "secret", now);
const v1 = valid.split(",")[1] ?? "";
const t = valid.split(",")[0] ?? "";

describe("the signature of a webhook", () => {
  it.each([
    ["as it was made", valid],
    ["with blanks", `${t}, ${v1}`],
    ["beside one of an older secret", `${t},v1=${"0".repeat(64)},${v1}`],
    ["with fields of a later version", `${t},${v1},v2=abc`],
  ])("is accepted %s", (_how, header) => {
    expect(isSignedBy("secret", header, body, now)).toBe(true);
  });

  it.each([
    ["none", undefined],
    ["an empty one", ""],
    ["no time", v1],
    ["no digest", t],
    ["a digest of another length", `${t},v1=abcd`],
    ["a digest in upper case", `${t},v1=${v1.slice(3).toUpperCase()}`],
    ["a digest that is no hex", `${t},v1=${"z".repeat(64)}`],
    ["another time than was signed", `t=${Number(t.slice(2)) + 1},${v1}`],
    ["two times", `${t},t=1,${v1}`],
    ["a time that is no number", `t=1e9,${v1}`],
  ])("is refused when there is %s", (_what, header) => {
    expect(isSignedBy("secret", header, body, now)).toBe(false);
  });

  it("is refused for other bytes and for another secret", () => {
    expect(isSignedBy("secret", valid, Buffer.concat([body, Buffer.from(" ")]), now)).toBe(false);
    expect(isSignedBy("other", valid, body, now)).toBe(false);
  });

  it.each([
    [-300_000, true],
    [300_000, true],
    [-301_000, false],
    [301_000, false],
  ])("made %i ms away from now is accepted: %s", (awayMs, accepted) => {
    expect(isSignedBy("secret", sign(body, "secret", now + awayMs), body, now)).toBe(accepted);
  });
});

describe("reading a webhook", () => {
  const provider = sandboxProvider({
    url: "http://unused",
    publicUrl: "http://hub",
    webhookSecrets: ["secret", "the one before"],
  });
  const read = (text: string, secret = "secret") => {
    const bytes = Buffer.from(text);
    return provider.parseWebhook(bytes, { "hub-signature": sign(bytes, secret, now) }, now);
  };

  it.each([
    ["no JSON", "{"],
    ["an empty body", ""],
    ["null", "null"],
    ["no id", '{"type":"charge.succeeded","createdAt":1,"data":{}}'],
    ["a charge that is none", '{"id":"evt_1","type":"charge.succeeded","createdAt":1,"data":{"ref":"ch_1"}}'],
    ["an id that is too long", `{"id":"${"x".repeat(65)}","type":"other","createdAt":1,"data":{}}`],
  ])("refuses %s although it is signed", (_what, text) => {
    expect(() => read(text)).toThrow(refusal({ kind: "invalid", code: "VALIDATION_FAILED" }));
  });

  it("takes a message about something else, and finds no charge in it", () => {
    expect(read('{"id":"evt_1","type":"payout.sent","createdAt":1,"data":{}}')).toEqual({
      eventId: "evt_1",
      type: "payout.sent",
      charge: null,
    });
  });

  it("takes the secret of now and the one before, and no other", () => {
    const text = '{"id":"evt_1","type":"payout.sent","createdAt":1,"data":{}}';

    for (const secret of ["secret", "the one before"]) expect(read(text, secret)).toMatchObject({ eventId: "evt_1" });
    expect(() => read(text, "guessed")).toThrow(refusal({ kind: "unauthenticated", code: "INVALID_SIGNATURE" }));
  });

  it("looks at the signature before it looks at the body", () => {
    expect(() => provider.parseWebhook(Buffer.from("{"), {}, now)).toThrow(
      refusal({ kind: "unauthenticated", code: "INVALID_SIGNATURE" }),
    );
  });
});
