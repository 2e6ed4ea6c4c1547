// The providers that there may be an account at, a line each. The sandbox needs none.

export { stripe } from "./stripe/stripe.ts";
