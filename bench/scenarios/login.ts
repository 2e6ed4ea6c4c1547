import { closed, measureRow, type Scenario } from "./scenario.ts";

const clients = 16;

/** Bound by the password's hash, which is made to be slow. */
export const login: Scenario = {
  name: "login",
  async run(bench) {
    const work = { kind: "login" as const, accounts: bench.world.accounts };
    return (await measureRow(bench, { name: "login", work, load: closed(clients) })).row;
  },
};
