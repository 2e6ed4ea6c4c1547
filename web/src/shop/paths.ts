/** Every page of the shop. The gateway answers these paths, and no other, with the shop's page. */
export const shopPaths = [
  "/",
  "/products/:sku",
  "/basket",
  "/checkout",
  "/sign-in",
  "/register",
  "/forgot-password",
  "/orders",
  "/orders/:id",
  "/notifications",
  "/account",
] as const;
