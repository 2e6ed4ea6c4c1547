import { navigate, path } from "../lib/router.ts";

const name = "paying";

/** The customer goes to a provider's page to approve the payment of this order. */
export function leaveForPayment(orderId: string, url: string): void {
  // a provider's word is not enough to run a javascript: URL
  const target = new URL(url, location.href);
  if (target.protocol !== "https:" && target.protocol !== "http:") throw new Error("not a page to go to");
  try {
    sessionStorage.setItem(name, orderId);
  } catch {
    // then the way back leads to the catalogue
  }
  location.assign(target.href);
}

/** Providers send their customers back to the shop's first page; who paid is shown the order. */
export function backFromPayment(): void {
  let orderId: string | null = null;
  try {
    orderId = sessionStorage.getItem(name);
    sessionStorage.removeItem(name);
  } catch {
    return;
  }
  if (orderId !== null && path.value === "/") navigate(`/orders/${orderId}`, { replace: true });
}
