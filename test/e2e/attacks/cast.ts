import type { Hub } from "../../support/hub.ts";
import type { Person } from "../../support/rest.ts";
import { Shop } from "../../support/shop.ts";
import { eventually } from "../../support/wait.ts";

/** Who asks: B is a customer who asks for what is A's; the last two hold tokens that were good once. */
export const roles = ["nobody", "A", "B", "support", "admin", "disabled", "revoked"] as const;
export type RoleName = (typeof roles)[number];

export const password = "correct horse battery";

export interface Cast {
  shop: Shop;
  actors: Record<RoleName, Person | null>;
  /** A new person of this role, for requests that end sessions or accounts. */
  another(role: RoleName): Promise<Person | null>;
}

/** Somebody of every role in a running system. */
export async function castOf(hub: Hub): Promise<Cast> {
  const { rest } = hub;
  const shop = await Shop.open(hub);
  const change = async ({ id }: Person, body: object): Promise<void> => {
    const { status } = await rest.patch(`/users/${id}`, { token: shop.admin, body });
    if (status !== 200) throw new Error(`changing a user answered ${status}`);
  };
  const signedInAgain = async (person: Person): Promise<Person> => {
    const { body } = await rest.post<{ accessToken: string; refreshToken: string }>("/auth/login", {
      body: { email: person.email, password },
    });
    return { ...person, token: body.accessToken, refreshToken: body.refreshToken };
  };
  const isRefused = ({ token }: Person): Promise<unknown> =>
    eventually(async () => (await rest.get("/users/me", { token })).status === 401, 5_000);

  const another = async (role: RoleName): Promise<Person | null> => {
    if (role === "nobody") return null;
    const person = await rest.signUp();
    if (role === "support" || role === "admin") {
      await change(person, { roles: [role] });
      return signedInAgain(person);
    }
    if (role === "disabled") await change(person, { status: "disabled" });
    if (role === "revoked") await rest.post("/auth/logout-all", { token: person.token });
    if (role === "disabled" || role === "revoked") await isRefused(person);
    return person;
  };

  const people = await Promise.all(roles.map(async (role) => [role, await another(role)] as const));
  return { shop, another, actors: Object.fromEntries(people) as Cast["actors"] };
}
