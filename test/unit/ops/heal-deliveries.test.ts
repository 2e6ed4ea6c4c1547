import { healDeliveries, type HealingDeps } from "../../../services/ops/heal-deliveries.ts";
import type { LooksRepository } from "../../../services/ops/looks.repository.ts";
import type { Peers } from "../../../services/ops/peers.ts";

/** An outbox with one event that left at each of these times, of which notify has had those in `arrived`. */
function world(publishedAt: readonly number[], arrived: readonly string[] = []) {
  const events = publishedAt.map((atMs, n) => ({ id: `event-${n}`, type: "order.created", atMs }));
  const sent: string[] = [];
  let looked = { untilMs: 0, nextMs: 0 };
  const state = { nowMs: 0, waiting: 0 };
  const looks: LooksRepository = {
    now: () => Promise.resolve(state.nowMs),
    begin: (_sender, nowMs) => Promise.resolve(looked.nextMs <= nowMs ? looked.untilMs : null),
    end(_sender, look) {
      looked = look;
      return Promise.resolve();
    },
  };
  const peers = {
    outbox(_sender: string, name: string, params: { afterMs: number; untilMs: number; ids: string[] }) {
      if (name === "outboxPublishedIn") {
        return Promise.resolve(events.filter(({ atMs }) => atMs > params.afterMs && atMs <= params.untilMs));
      }
      sent.push(...params.ids);
      // they leave once more
      for (const event of events) if (params.ids.includes(event.id)) event.atMs = state.nowMs;
      return Promise.resolve(params.ids.length);
    },
    inbox: (consumer: string, _name: string, { ids }: { ids: string[] }) =>
      Promise.resolve(consumer === "notify" ? ids.filter((id) => !arrived.includes(id)) : []),
  } as unknown as Peers;
  const deps: HealingDeps = {
    looks,
    peers,
    stopping: new AbortController().signal,
    waitingFor: () => Promise.resolve(state.waiting),
    sentAgain: new Map(),
    log: { warn: () => undefined },
  };
  /** Looks at that time, until there is no more to look at. */
  const lookAt = async (nowMs: number): Promise<void> => {
    state.nowMs = nowMs;
    while (await healDeliveries(deps, "orders"));
  };
  return { lookAt, sent, state, looked: () => looked };
}

const t0 = 1_800_000_000_000;

describe("events that a consumer never got", () => {
  it("are sent again, and those that came are not", async () => {
    const { lookAt, sent } = world([t0, t0 + 1], ["event-1"]);
    await lookAt(t0 + 20_000);
    expect(sent).toEqual(["event-0"]);
  });

  it("may be under way for some seconds", async () => {
    const { lookAt, sent } = world([t0]);
    await lookAt(t0 + 5_000);
    expect(sent).toEqual([]);
    await lookAt(t0 + 36_000);
    expect(sent).toEqual(["event-0"]);
  });

  it("are found in all of the time in which nobody looked", async () => {
    const times = Array.from({ length: 40 }, (_, n) => t0 + n * 60_000);
    const { lookAt, sent, looked } = world(times);
    await lookAt(t0 - 1_000);
    await lookAt(t0 + 40 * 60_000);
    expect(sent).toHaveLength(40);
    expect(looked().untilMs).toBe(t0 + 40 * 60_000 - 10_000);
  });

  it("are not judged while their consumer is far behind, and then are", async () => {
    const { lookAt, sent, state } = world([t0]);
    state.waiting = 5_000;
    await lookAt(t0 + 20_000);
    await lookAt(t0 + 60_000);
    expect(sent).toEqual([]);
    state.waiting = 3;
    await lookAt(t0 + 100_000);
    expect(sent).toEqual(["event-0"]);
  });

  it("are not sent for ever to one who cannot read them", async () => {
    const { lookAt, sent } = world([t0]);
    for (let n = 1; n <= 10; n += 1) await lookAt(t0 + n * 60_000);
    expect(sent).toEqual(["event-0", "event-0", "event-0"]);
  });

  it("are looked for by one node at a time", async () => {
    const { lookAt, sent, looked } = world([t0]);
    await lookAt(t0 + 20_000);
    await lookAt(t0 + 20_001);
    expect(sent).toHaveLength(1);
    expect(looked().nextMs).toBe(t0 + 50_000);
  });
});
