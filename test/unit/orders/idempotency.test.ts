import type { Ctx } from "../../../contracts/bus.ts";
import { AlreadyServed, idempotently } from "../../../services/orders/idempotency.ts";

const ctx = { params: {}, meta: { user: { id: "ann", roles: [] }, idempotencyKey: "key" } } as unknown as Ctx<object>;

describe("a request that another node has begun", () => {
  it("is in flight while the other node has no answer yet", async () => {
    const nothingStored = { storedResponse: async () => null };
    const request = idempotently({ orders: nothingStored, inFlight: new Map() }, ctx, "refund", () =>
      Promise.reject(new AlreadyServed()),
    );

    await expect(request).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_IN_FLIGHT" });
  });
});
