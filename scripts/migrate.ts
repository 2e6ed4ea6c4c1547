import { loadConfig } from "../config.ts";
import { serviceNames, type ServiceName } from "../contracts/bus.ts";
import { prepareDataDir } from "../lib/data-dir.ts";
import { openDatabase } from "../lib/database.ts";
import { migrate, type Migration } from "../lib/migrations.ts";
import { migrations as auth } from "../services/auth/migrations/index.ts";
import { migrations as inventory } from "../services/inventory/migrations/index.ts";
import { migrations as notify } from "../services/notify/migrations/index.ts";
import { migrations as ops } from "../services/ops/migrations/index.ts";
import { migrations as orders } from "../services/orders/migrations/index.ts";
import { migrations as payments } from "../services/payments/migrations/index.ts";
import { migrations as products } from "../services/products/migrations/index.ts";
import { migrations as users } from "../services/users/migrations/index.ts";
import { runScript } from "./run-script.ts";

// `npm run migrate`: brings every service's database up to date without starting a service. The payment sandbox, which
// stands for somebody else's system, keeps its own when it starts.

const migrations: Record<Exclude<ServiceName, "gateway">, readonly Migration[]> = {
  auth,
  users,
  products,
  inventory,
  orders,
  payments,
  notify,
  ops,
};

await runScript(async () => {
  const { store, dataDir } = loadConfig({}, { joinsOnly: true });
  if (store.dialect === "sqlite") prepareDataDir(dataDir);
  for (const service of serviceNames) {
    if (service === "gateway") continue;
    const db = await openDatabase(store, service);
    try {
      const ran = await migrate(db, migrations[service]);
      process.stdout.write(`${service.padEnd(10)} ${ran.length === 0 ? "up to date" : ran.join(", ")}\n`);
    } finally {
      await db.close();
    }
  }
});
