import { DataTypes } from "sequelize";
import { ServiceBroker, type Service, type ServiceSchema } from "moleculer";
import { brokerOptions } from "../../moleculer.config.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { entityMixin, type EntityModel, type WithEntity } from "../../mixins/entity.mixin.ts";
import { outboxMixin } from "../../mixins/outbox.mixin.ts";
import { outboxTable } from "../../lib/outbox.ts";
import { testConfig } from "../support/config.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "../support/stores.ts";

interface Book {
  id: string;
  shelfMark: string;
  pages: number;
}

const text = { type: DataTypes.STRING };
const model: EntityModel<Book> = {
  name: "Book",
  define: {
    id: { ...text, primaryKey: true },
    shelfMark: text,
    pages: { type: DataTypes.INTEGER },
  },
  options: { tableName: "books" },
};
const database = dbMixin([
  {
    name: "001",
    up: (t) => [
      `CREATE TABLE books (id ${t.id} PRIMARY KEY, shelf_mark ${t.string}, pages ${t.integer}) ${t.options}`,
      ...outboxTable(t),
    ],
  },
]);
// the last named starts first here; defineService turns the list of a real service around
const books: ServiceSchema = {
  name: "books",
  mixins: [outboxMixin(), entityMixin(model), database],
  actions: { create: () => "its own" },
};

type Books = Service & WithEntity<Book> & WithDatabase;

function create(broker: ServiceBroker): Books {
  const service: Service = broker.createService(books);
  return service as Books;
}

describe.each(["SQLite", "MySQL"])("the entity mixin on %s", (store) => {
  const prefix = uniquePrefix();
  let broker: ServiceBroker;
  let service: Books;

  beforeAll(async () => {
    const env: Record<string, string> =
      store === "SQLite" ? {} : { DATABASE_URL: testDatabaseUrl(), DATABASE_PREFIX: prefix };
    broker = new ServiceBroker({ ...brokerOptions(testConfig(env)), transporter: null });
    service = create(broker);
    await broker.start();
  });
  afterAll(async () => {
    await broker.stop();
    if (store === "MySQL") await dropDatabases(testDatabaseUrl(), prefix);
  });

  it("publishes none of moleculer-db's actions, and leaves the service's own as it is", () => {
    // the outbox answers other services, and is no action that a route may lead to
    const published = broker.registry
      .getActionList({})
      .filter(({ name }) => name.startsWith("books."))
      .filter(({ action }) => (action as { access?: string } | undefined)?.access !== "internal");
    expect(published.map(({ name }) => name)).toEqual(["books.create"]);
    expect(published[0]?.action).not.toHaveProperty("rest");
  });

  it("reads and writes entities of the migrated table over the service's own connections", async () => {
    await service.adapter.insert({ id: "b", shelfMark: "Ж 1", pages: 10 });
    await service.adapter.insert({ id: "a", shelfMark: "Ж 1", pages: 20 });

    const rows = await service.db.select<{ shelf_mark: string }>("SELECT shelf_mark FROM books ORDER BY id");
    const found = await service.adapter.find({ query: { shelfMark: "Ж 1" }, sort: ["id"], limit: 1 });
    const first = await service.adapter.findOne({ where: { id: "a" } });

    expect(rows).toEqual([{ shelf_mark: "Ж 1" }, { shelf_mark: "Ж 1" }]);
    expect(found.map((entity) => service.adapter.entityToObject(entity))).toEqual([
      { id: "a", shelfMark: "Ж 1", pages: 20 },
    ]);
    expect(first?.get("pages")).toBe(20);
    expect(await service.adapter.count({ query: { shelfMark: "Ж 1" } })).toBe(2);
  });

  it("changes and removes what it finds, and nothing else", async () => {
    await service.adapter.insert({ id: "c", shelfMark: "C", pages: 1 });

    expect(await service.adapter.updateMany({ id: "c" }, { pages: 2 })).toBe(1);
    expect((await service.adapter.findById("c"))?.get("pages")).toBe(2);
    expect(await service.adapter.updateMany({ id: "nobody" }, { pages: 2 })).toBe(0);
    expect(await service.adapter.removeMany({ id: "c" })).toBe(1);
    expect(await service.adapter.findById("c")).toBeNull();
  });

  it("takes part in a transaction through its model", async () => {
    const failing = service.db.transaction(async (transaction) => {
      await service.adapter.model.create({ id: "d", shelfMark: "D", pages: 1 }, { transaction });
      throw new Error("changed my mind");
    });

    await expect(failing).rejects.toThrow("changed my mind");
    expect(await service.adapter.findById("d")).toBeNull();
  });
});

describe("the entity mixin", () => {
  it("gives each service of the same schema an adapter of its own", async () => {
    const brokers = [1, 2].map(() => new ServiceBroker({ ...brokerOptions(testConfig()), transporter: null }));
    const [one, two] = brokers.map((broker) => create(broker)) as [Books, Books];
    await Promise.all(brokers.map((broker) => broker.start()));

    await one.adapter.insert({ id: "a", shelfMark: "A", pages: 1 });

    expect(await two.adapter.findById("a")).toBeNull();
    await Promise.all(brokers.map((broker) => broker.stop()));
  });

  it("fails the start when it comes before the database", async () => {
    const broker = new ServiceBroker({ ...brokerOptions(testConfig()), transporter: null });
    broker.createService({ ...books, mixins: [database, entityMixin(model)] });

    await expect(broker.start()).rejects.toThrow("entityMixin must come after dbMixin");
    await broker.stop();
  });
});
