import type { Actions } from "../contracts/bus.ts";
import { operator } from "./operator.ts";
import { BadArgument, type Register, type Terminal } from "./terminal.ts";

type Profile = Actions["users.get"]["result"];

const noSession = "00000000-0000-7000-8000-000000000000";

/** `login <email>` and `logout`: who the terminal acts as. */
export const peopleCommands: Register = (program, terminal) => {
  program
    .command("login <email>")
    .description("Act as somebody: every command then meets the rules that they meet")
    .action(async (email: string) => {
      const user = await findUser(terminal, email);
      if (user.status !== "active") throw new BadArgument(`the account of ${user.email} is disabled`);
      terminal.actAs({ identity: { id: user.id, roles: [...user.roles], sessionId: noSession }, email: user.email });
      terminal.show(user, () => `acting as ${user.email} (${user.roles.join(", ")}) until logout\n`);
    });
  program
    .command("logout")
    .description("Act as the operator again")
    .action(() => {
      terminal.actAs(null);
      terminal.show({ actingAs: null }, () => "acting as the operator\n");
    });
};

/** Whoever has this id or e-mail address. */
export async function findUser(terminal: Terminal, idOrEmail: string): Promise<Profile> {
  // whoever can attach a terminal may look people up, also while acting as one of them
  const bus = terminal.busAs(operator);
  const user = idOrEmail.includes("@")
    ? await bus.call("users.byEmail", { email: idOrEmail.toLowerCase() })
    : await bus.call("users.byId", { id: idOrEmail });
  if (!user) throw new BadArgument(`there is nobody with ${idOrEmail}`);
  return user;
}
