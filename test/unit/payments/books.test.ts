import { agrees, type OurPayment, type TheirCharge } from "../../../services/payments/books.ts";

const now = 1_700_000_000_000;
const ours = (change: Partial<OurPayment> = {}): OurPayment => ({
  id: "p",
  status: "SUCCEEDED",
  amountCents: 100,
  currency: "GBP",
  providerRef: "ch",
  returnedCents: 0,
  returningCents: 0,
  createdAt: now - 3_600_000,
  ...change,
});
const theirs = (change: Partial<TheirCharge> = {}): TheirCharge => ({
  paymentId: "p",
  ref: "ch",
  status: "succeeded",
  amountCents: 100,
  currency: "GBP",
  returnedCents: 0,
  ...change,
});

describe("our books and the provider's", () => {
  it.each<[string, OurPayment | undefined, TheirCharge | undefined]>([
    ["both took the same", ours(), theirs()],
    ["both returned the same", ours({ returnedCents: 30 }), theirs({ returnedCents: 30 })],
    ["a refund is on its way", ours({ returningCents: 30 }), theirs({ returnedCents: 30 })],
    ["a refund has not got there", ours({ returningCents: 30 }), theirs()],
    ["neither took anything", ours({ status: "FAILED" }), theirs({ status: "failed" })],
    ["we asked and they never heard of it", ours({ status: "PENDING" }), undefined],
    ["they took it a moment ago", ours({ status: "PENDING", createdAt: now - 1_000 }), theirs()],
    ["they voided what we never made", undefined, theirs({ status: "voided" })],
  ])("agree when %s", (_name, our, their) => {
    expect(agrees(our, their, now)).toBe(true);
  });

  it.each<[string, OurPayment | undefined, TheirCharge | undefined]>([
    ["they never heard of our payment", ours(), undefined],
    ["they did not take it", ours(), theirs({ status: "failed" })],
    ["they took it for nobody", undefined, theirs()],
    ["they took it long ago and we do not know", ours({ status: "PENDING" }), theirs()],
    ["they took what we call failed", ours({ status: "FAILED" }), theirs()],
    ["they took another amount", ours(), theirs({ amountCents: 101 })],
    ["they took another currency", ours(), theirs({ currency: "EUR" })],
    ["it is another charge", ours(), theirs({ ref: "ch2" })],
    ["they returned what we did not ask for", ours(), theirs({ returnedCents: 1 })],
    ["they did not return what we count", ours({ returnedCents: 30 }), theirs()],
  ])("differ when %s", (_name, our, their) => {
    expect(agrees(our, their, now)).toBe(false);
  });
});
