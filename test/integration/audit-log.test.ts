import { auditLogMigration, openAuditLog, type AuditLog, type Caller } from "../../lib/audit-log.ts";
import type { Database } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { describeStores } from "../support/stores.ts";

describeStores("the audit log", (store) => {
  let db: Database;
  let log: AuditLog;
  let lines: { event: string; fields: object }[] = [];
  const write = (event: string, fields: object): void => void lines.push({ event, fields });

  beforeAll(async () => {
    db = await store().open("audited", [auditLogMigration]);
    log = openAuditLog(db, "audited", { info: write, error: write });
  });
  beforeEach(() => {
    lines = [];
  });

  const caller = (id: string): Caller => ({
    requestID: "request-1",
    meta: { user: { id, roles: ["admin"], sessionId: newId() }, clientAddress: "192.0.2.7" },
  });
  const all = (filter = {}) => log.entries({ before: null, limit: 100, ...filter });
  const deed = (target: string) => ({ action: "stock.change", target, detail: { onHand: 3 } }) as const;

  it("keeps who did what, from where, in which request, and says it in a line", async () => {
    const actor = newId();
    await db.transaction(log.note(caller(actor), deed("product A")));

    const [entry] = await all({ actor });
    expect(entry).toMatchObject({
      ...{ service: "audited", action: "stock.change", actor, target: "product A", outcome: "done" },
      ...{ requestId: "request-1", clientAddress: "192.0.2.7", detail: { onHand: 3 } },
    });
    expect(lines).toEqual([
      { event: "audit", fields: expect.objectContaining({ actor, target: "product A", outcome: "done" }) as object },
    ]);
  });

  it("has nothing of what was rolled back, neither row nor line", async () => {
    const target = `product ${newId()}`;
    const failing = db.transaction(async (tx) => {
      await log.note(caller(newId()), deed(target))(tx);
      throw new Error("the deed failed");
    });
    await expect(failing).rejects.toThrow("the deed failed");
    expect(await all({ target })).toEqual([]);
    expect(lines).toEqual([]);
  });

  it.each([
    "UPDATE audit_log SET actor = 'nobody'",
    "UPDATE audit_log SET outcome = 'done' WHERE id = id",
    "DELETE FROM audit_log",
  ])("refuses %s", async (statement) => {
    await db.transaction(log.note(caller(newId()), deed("product B")));
    const before = await all();
    await expect(db.execute(statement)).rejects.toMatchObject({
      parent: { message: expect.stringContaining("append-only") as string },
    });
    expect(await all()).toEqual(before);
  });

  it("is read newest first, by page and by filter", async () => {
    const actor = newId();
    for (const target of ["a", "b", "c"]) await db.transaction(log.note(caller(actor), deed(target)));
    const [c, b] = await log.entries({ actor, before: null, limit: 2 });
    expect([c?.target, b?.target]).toEqual(["c", "b"]);
    const rest = await log.entries({ actor, before: b?.id ?? null, limit: 2 });
    expect(rest.map(({ target }) => target)).toEqual(["a"]);
    expect(await all({ actor, action: "login" })).toEqual([]);
    expect(await all({ actor, target: "b" })).toHaveLength(1);
  });

  it("writes what is noted for later before it is settled", async () => {
    const target = `order ${newId()}`;
    log.noteSoon(caller(newId()), { action: "access.refused", target, outcome: "refused" });
    await log.settled();
    expect(await all({ target })).toMatchObject([{ action: "access.refused", outcome: "refused" }]);
  });
});
