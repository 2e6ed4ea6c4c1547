import type { Service, ServiceSchema } from "moleculer";
import moleculerDb from "moleculer-db";
import SequelizeAdapter from "moleculer-db-adapter-sequelize";
import type { Model, ModelAttributeColumnOptions, ModelOptions, ModelStatic, WhereOptions } from "sequelize";
import type { Database } from "../lib/database.ts";

/** One kind of entity: its columns as Sequelize defines them. `id` is the key; the table comes from a migration. */
export interface EntityModel<Row extends object> {
  name: string;
  define: { [Column in keyof Row]: ModelAttributeColumnOptions };
  options: ModelOptions<Model<Row>> & { tableName: string };
}

type Entity<Row extends object> = Model<Row>;

/** The part of moleculer-db's adapter that services use. Outside of transactions: those take `model` themselves. */
export interface EntityAdapter<Row extends object> {
  readonly model: ModelStatic<Entity<Row>>;
  find(filter: {
    query?: WhereOptions<Row>;
    /** Fields; a minus before one sorts it downwards. */
    sort?: string[];
    limit?: number;
    offset?: number;
  }): Promise<Entity<Row>[]>;
  findOne(options: { where: WhereOptions<Row> }): Promise<Entity<Row> | null>;
  findById(id: string): Promise<Entity<Row> | null>;
  findByIds(ids: readonly string[]): Promise<Entity<Row>[]>;
  count(filter?: { query?: WhereOptions<Row> }): Promise<number>;
  insert(row: Row): Promise<Entity<Row>>;
  /** Answers with how many rows it touched; on MySQL those that had these values already do not count. */
  updateMany(where: WhereOptions<Row>, change: Partial<Row>): Promise<number>;
  removeMany(where: WhereOptions<Row>): Promise<number>;
  entityToObject(entity: Entity<Row>): Row;
}

export interface WithEntity<Row extends object> {
  adapter: EntityAdapter<Row>;
}

/** Moleculer's Sequelize adapter over the connections that the service has already. */
class SharedConnectionAdapter<Row extends object> extends SequelizeAdapter {
  declare service: Service & { db?: Database };
  declare model: ModelStatic<Entity<Row>>;
  private readonly definition: EntityModel<Row>;

  constructor(definition: EntityModel<Row>) {
    super({});
    this.definition = definition;
  }

  // Not async: moleculer-db repeats a rejected connect for ever, and only what is thrown at once ends the start.
  override connect(): Promise<void> {
    const { db } = this.service;
    if (!db) throw new Error("entityMixin must come after dbMixin in the list of mixins");
    const { name, define, options } = this.definition;
    // no sync: the migrations own the schema
    this.model = db.sequelize.define(name, copied(define), { ...options });
    return Promise.resolve();
  }

  /** The connections are dbMixin's to close. */
  override disconnect(): Promise<void> {
    return Promise.resolve();
  }
}

/** Sequelize writes into what it is given, and columns may share a definition. */
function copied<Columns extends object>(define: Columns): Columns {
  const columns = Object.entries(define).map(([name, column]: [string, object]) => [name, { ...column }]);
  return Object.fromEntries(columns) as Columns;
}

/**
 * Gives a service, after its database, moleculer-db's adapter for one kind of entity as `this.adapter`. Nothing of it
 * is published: moleculer-db's actions let a caller write any column and query by any.
 */
export function entityMixin<Row extends object>(model: EntityModel<Row>): Partial<ServiceSchema> {
  const schema: Partial<ServiceSchema> & { merged(schema: ServiceSchema): void } = {
    mixins: [moleculerDb as unknown as Partial<ServiceSchema>],
    actions: {
      find: false,
      count: false,
      list: false,
      create: false,
      insert: false,
      get: false,
      update: false,
      remove: false,
    },
    // Not in the schema itself, which Moleculer clones deeply.
    merged(merged) {
      Object.assign(merged, { model, adapter: new SharedConnectionAdapter(model) });
    },
  };
  return schema;
}
