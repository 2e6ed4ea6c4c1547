import { Storms } from "../../chaos/storms.ts";
import { startWorld, type World } from "../../chaos/world.ts";
import { eventually } from "../support/wait.ts";

// `npm run storms` has the large ones.
const sizes = { rounds: 2, buyers: 400, units: 20, copies: 200 };

describe("a storm of requests", () => {
  let world: World;
  let storms: Storms;

  beforeAll(async () => {
    world = await startWorld({ nodes: 2, spares: 0, orderTtlSeconds: 900 });
    await eventually(() => world.isWhole(), 120_000);
    storms = await Storms.open(world);
  }, 180_000);
  afterAll(() => world?.stop(), 60_000);

  it("for few units sells exactly these", async () => {
    expect((await storms.buyers(sizes)).problems).toEqual([]);
  });

  it("with one key makes one order, one payment and one charge", async () => {
    expect((await storms.sameKeys(sizes)).problems).toEqual([]);
  });

  it("of webhooks about one charge changes nothing", async () => {
    expect((await storms.webhooks(sizes)).problems).toEqual([]);
  });

  it("leaves the doctor nothing to find", async () => {
    expect(await storms.findings()).toEqual([]);
  });
});
