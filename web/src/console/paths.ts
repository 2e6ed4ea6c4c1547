/** Every page of the console. The gateway answers these paths, and no other, with the console's page. */
export const consolePaths = [
  "/console",
  "/console/sign-in",
  "/console/nodes",
  "/console/orders",
  "/console/orders/:id",
  "/console/stock",
  "/console/users",
  "/console/dead-letters",
  "/console/doctor",
  "/console/mailbox",
  "/console/settings",
  "/console/audit",
] as const;
