import type { Bus } from "../../../contracts/bus.ts";
import { contactsOver } from "../../../services/notify/contacts.ts";

function asking() {
  const asked: string[] = [];
  const world = { down: false, customer: "u1" as string | null, nowMs: 1_000 };
  const bus = {
    async call(action: string, { id }: { id: string }) {
      asked.push(`${action} ${id}`);
      if (world.down) throw new Error("down");
      return action === "orders.customer" ? world.customer : { userId: id };
    },
  } as unknown as Bus;
  return { asked, world, contacts: contactsOver(bus, () => world.nowMs) };
}

describe("contacts", () => {
  it("are asked for once by many events at a time", async () => {
    const { asked, contacts } = asking();

    await Promise.all(Array.from({ length: 20 }, () => contacts.contactOf("u1", 900)));

    expect(asked).toEqual(["users.contact u1"]);
  });

  it("are asked for again by an event that happened after the last answer", async () => {
    const { asked, world, contacts } = asking();
    await contacts.contactOf("u1", 900);
    world.nowMs = 2_000;

    await contacts.contactOf("u1", 1_000);
    await contacts.contactOf("u1", 1_001);

    expect(asked).toHaveLength(2);
  });

  it("do not remember a failure", async () => {
    const { world, contacts } = asking();
    world.down = true;
    await expect(contacts.contactOf("u1", 900)).rejects.toThrow("down");
    await expect(contacts.customerOf("o1")).rejects.toThrow("down");
    world.down = false;

    expect(await contacts.contactOf("u1", 900)).toEqual({ userId: "u1" });
    expect(await contacts.customerOf("o1")).toBe("u1");
  });

  it("are forgotten on demand", async () => {
    const { asked, contacts } = asking();
    await contacts.contactOf("u1", 900);

    contacts.forget("u1");
    await contacts.contactOf("u1", 900);

    expect(asked).toHaveLength(2);
  });

  it("ask nobody whose order it is once an event has said it", async () => {
    const { asked, contacts } = asking();

    contacts.isCustomerOf("u2", "o1");

    expect(await contacts.customerOf("o1")).toBe("u2");
    expect(asked).toEqual([]);
  });

  it("remember whose order it is, but not that there is none", async () => {
    const { asked, world, contacts } = asking();
    world.customer = null;
    expect(await contacts.customerOf("o1")).toBeNull();
    world.customer = "u1";

    expect([await contacts.customerOf("o1"), await contacts.customerOf("o1")]).toEqual(["u1", "u1"]);
    expect(asked).toHaveLength(2);
  });
});
