import type { PaymentStatus } from "../../contracts/payments.ts";

/** A payment in our books, with what of it was returned, and what is on its way back. */
export interface OurPayment {
  id: string;
  status: PaymentStatus;
  amountCents: number;
  currency: string;
  providerRef: string | null;
  returnedCents: number;
  returningCents: number;
  createdAt: number;
}

/** A charge in the provider's books, with all that was returned of it. */
export interface TheirCharge {
  paymentId: string;
  ref: string;
  status: string;
  amountCents: number;
  currency: string;
  returnedCents: number;
}

/** How long we may not know yet of what the provider did. */
const unknownForMs = 60_000;

/**
 * Whether a charge and our payment tell the same of the money that moved. Where no money did, there is nothing to
 * agree on.
 */
export function agrees(ours: OurPayment | undefined, theirs: TheirCharge | undefined, now: number): boolean {
  const took = theirs?.status === "succeeded";
  if (ours?.status !== "SUCCEEDED") {
    const isRecent = ours?.status === "PENDING" && now - ours.createdAt < unknownForMs;
    return !took || isRecent;
  }
  if (!theirs || !took) return false;
  const { returnedCents, returningCents } = ours;
  return (
    theirs.ref === ours.providerRef &&
    theirs.amountCents === ours.amountCents &&
    theirs.currency === ours.currency &&
    theirs.returnedCents >= returnedCents &&
    theirs.returnedCents <= returnedCents + returningCents
  );
}
