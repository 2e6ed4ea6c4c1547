import { insertRows, type Database, type Tx } from "../../lib/database.ts";
import { isUniqueViolation } from "../../lib/database-errors.ts";
import { describeStores } from "../support/stores.ts";

const migrations = [
  {
    name: "001-things",
    up: () => ["CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(64) NOT NULL)"],
  },
];

describeStores("a transaction", (store) => {
  let db: Database;

  beforeAll(async () => {
    db = await store().open("things", migrations);
  });
  beforeEach(() => db.execute("DELETE FROM things"));

  const insert = (tx: Tx, id: number, name = "one"): Promise<void> =>
    insertRows(db, tx, "things (id, name)", [[id, name]]);
  const names = async (tx?: Tx): Promise<string[]> =>
    (await db.select<{ name: string }>("SELECT name FROM things ORDER BY id", [], tx)).map(({ name }) => name);

  it("sees what it wrote before, and nobody else does until its end", async () => {
    const seen = await db.transaction(async (tx) => {
      await insert(tx, 1);
      await db.write("UPDATE things SET name = ? WHERE id = ?", ["it's; \\ 'two'", 1], tx);
      return { inside: await names(tx), outside: db.dialect === "mysql" ? await names() : [] };
    });

    expect(seen).toEqual({ inside: ["it's; \\ 'two'"], outside: [] });
    expect(await names()).toEqual(["it's; \\ 'two'"]);
  });

  it("counts what a statement changed, also behind writes that were not sent yet", async () => {
    const changed = await db.transaction(async (tx) => {
      await insert(tx, 1);
      await insert(tx, 2);
      await insert(tx, 3);
      return db.execute("UPDATE things SET name = 'new' WHERE id > 1", [], tx);
    });

    expect(changed).toBe(2);
  });

  it("answers several questions at once, each with its own rows, and sees what it wrote before", async () => {
    const named = (name: string) => ({ sql: "SELECT id FROM things WHERE name = ? ORDER BY id", values: [name] });
    const found = await db.transaction(async (tx) => {
      await insert(tx, 1);
      await insert(tx, 2, "two");
      const first = await db.selectAll([named("two"), named("none"), named("one")], tx);
      return [first, await db.selectAll([named("one")], tx)];
    });

    expect(found).toEqual([[[{ id: 2 }], [], [{ id: 1 }]], [[{ id: 1 }]]]);
  });

  it("leaves nothing when one of several questions fails", async () => {
    const failing = db.transaction(async (tx) => {
      await insert(tx, 1);
      await db.selectAll(
        [
          { sql: "SELECT 1", values: [] },
          { sql: "SELECT id FROM nowhere", values: [] },
        ],
        tx,
      );
    });

    await expect(failing).rejects.toThrow(/nowhere/);
    expect(await names()).toEqual([]);
  });

  it("leaves nothing when its last write fails, and says which kind of failure it was", async () => {
    await db.transaction((tx) => insert(tx, 7, "there"));
    const failure = await db
      .transaction(async (tx) => {
        await insert(tx, 1);
        await insert(tx, 7);
      })
      .catch((error: unknown) => error);

    expect(isUniqueViolation(failure)).toBe(true);
    expect(await names()).toEqual(["there"]);
  });

  it("leaves nothing when its work throws, be anything written or not", async () => {
    const refusal = new Error("refused");
    const failures = await Promise.all(
      [true, false].map((asks) =>
        db
          .transaction(async (tx) => {
            await insert(tx, 1);
            if (asks) await names(tx);
            throw refusal;
          })
          .catch((error: unknown) => error),
      ),
    );

    expect(failures).toEqual([refusal, refusal]);
    expect(await names()).toEqual([]);
  });

  it("tells of its commit only once it is committed", async () => {
    let told: string[] | null = null;
    await db.transaction(async (tx) => {
      await insert(tx, 1);
      tx.afterCommit(async () => {
        told = await names();
      });
    });

    expect(told).toEqual(["one"]);
  });

  it("takes no statement after its end", async () => {
    let late: Tx | undefined;
    await db.transaction(async (tx) => {
      late = tx;
      await insert(tx, 1);
    });

    await expect(insert(late as Tx, 2)).rejects.toThrow();
    expect(await names()).toEqual(["one"]);
  });
});
