import { marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import { isUniqueViolation } from "../../lib/database-errors.ts";
import type { EventData } from "../../contracts/events.ts";
import type { Note } from "../../lib/audit-log.ts";
import { groupReads } from "../../lib/group-reads.ts";
import { DomainError } from "../../lib/errors.ts";
import type { Outbox } from "../../lib/outbox.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import type { Contact, NotificationPreferences } from "../../contracts/users.ts";
import { isActiveAdmin, type Change, type User } from "./user.ts";

/** Erased users are found by none of these. */
export interface UsersRepository {
  /** Stores a new user; refuses an e-mail that is in use. */
  insert(change: Change): Promise<void>;
  /** The same when there is no active administrator; false when there is one. */
  insertFirstAdmin(change: Change): Promise<boolean>;
  hasAdmin(): Promise<boolean>;
  find(id: string): Promise<User | null>;
  findByEmail(email: string): Promise<User | null>;
  list(filter: { limit: number; cursor?: string }): Promise<Page<User>>;
  /** Changes what no rule depends on; null when there is no such user. */
  rename(id: string, change: { name?: string; locale?: string }): Promise<User | null>;
  /** False when the user is not there any more or has another password than `before` by now. */
  setPassword(id: string, passwordHash: string, before: string, note?: Note): Promise<boolean>;
  /**
   * Locks a user and the set of administrators, lets `decide` say what becomes of the user, and stores that with its
   * facts. Null when there is no such user; the decision is null when nothing changes.
   */
  change(
    id: string,
    decide: (user: User, otherAdmins: number) => Change | null,
    nowMs: number,
    note?: Note,
  ): Promise<{ user: User; change: Change | null } | null>;
  preferences(userId: string): Promise<NotificationPreferences>;
  /** How to reach a person: by phone at the number of the newest address that has one. Null when erased. */
  contact(userId: string): Promise<Contact | null>;
  /** False when there is no such user. */
  setPreferences(userId: string, preferences: NotificationPreferences): Promise<boolean>;
  /** Runs `work` while nobody can erase the user; null when there is no such user. */
  whileThere<T>(userId: string, work: (tx: Tx) => Promise<T>): Promise<T | null>;
}

interface UserRow {
  id: string;
  email: string;
  name: string;
  locale: User["locale"];
  roles: string;
  status: User["status"];
  password_hash: string;
  created_at: number | string;
  event_sequence: number | string;
}

const columns = "id, email, name, locale, roles, status, password_hash, created_at, event_sequence";

export function usersRepository(db: Database, outbox: Outbox): UsersRepository {
  const forUpdate = db.dialect === "mysql" ? "FOR UPDATE" : "";

  const one = async (where: string, values: unknown[], tx?: Tx): Promise<User | null> => {
    const [row] = await db.select<UserRow>(
      `SELECT ${columns} FROM users WHERE ${where} AND status <> 'erased' ${tx ? forUpdate : ""}`,
      values,
      tx,
    );
    return row ? toUser(row) : null;
  };

  const admins = async (tx?: Tx): Promise<string[]> => {
    const rows = await db.select<{ id: string }>("SELECT id FROM users WHERE active_admin = 1", [], tx);
    return rows.map(({ id }) => id);
  };

  /** Until the transaction ends, nobody else becomes an administrator or ceases to be one. */
  const lockAdmins = async (tx: Tx): Promise<string[]> => {
    await db.select(`SELECT id FROM admin_guard WHERE id = 1 ${forUpdate}`, [], tx);
    return admins(tx);
  };

  const saveNew = async (tx: Tx, { user, facts }: Change): Promise<void> => {
    const eventSequence = await outbox.append(tx, user.id, user.eventSequence, facts, user.createdAt);
    await db.execute(
      `INSERT INTO users (${columns}, active_admin) VALUES ${tuples(1, 10)}`,
      [
        ...[user.id, user.email, user.name, user.locale, JSON.stringify(user.roles), user.status],
        ...[user.passwordHash, user.createdAt, eventSequence, isActiveAdmin(user) ? 1 : 0],
      ],
      tx,
    );
  };

  const saveChange = async (tx: Tx, { user, facts }: Change, nowMs: number): Promise<void> => {
    const eventSequence = await outbox.append(tx, user.id, user.eventSequence, facts, nowMs);
    await db.execute(
      `UPDATE users SET email = ?, name = ?, roles = ?, status = ?, password_hash = ?, active_admin = ?,
        event_sequence = ? WHERE id = ?`,
      [
        ...[user.email, user.name, JSON.stringify(user.roles), user.status, user.passwordHash],
        ...[isActiveAdmin(user) ? 1 : 0, eventSequence, user.id],
      ],
      tx,
    );
    if (user.status !== "erased") return;
    await db.execute("DELETE FROM addresses WHERE user_id = ?", [user.id], tx);
    await db.execute("DELETE FROM preferences WHERE user_id = ?", [user.id], tx);
    // what was told of the registration holds the name and the e-mail; that it was told stays, as consumers know of it
    const { id: userId, email, name, locale } = user;
    const registered = JSON.stringify({ userId, email, name, locale } satisfies EventData<"user.registered">);
    for (const table of ["outbox", "outbox_archive"]) {
      await db.execute(
        `UPDATE ${table} SET data = ? WHERE subject = ? AND type = 'user.registered'`,
        [registered, userId],
        tx,
      );
    }
  };

  const whileThere: UsersRepository["whileThere"] = (userId, work) =>
    db.transaction(async (tx) => ((await one("id = ?", [userId], tx)) ? work(tx) : null));

  const contacts = groupReads<string, Contact | null>(async (asked) => {
    const ids = [...new Set(asked)];
    const rows = await db.select<Omit<Contact, "preferences"> & { events: string | null }>(
      `SELECT users.id AS userId, email, name, locale, preferences.events, (
         SELECT phone FROM addresses WHERE addresses.user_id = users.id AND phone <> '' ORDER BY id DESC LIMIT 1) AS phone
       FROM users LEFT JOIN preferences ON preferences.user_id = users.id
       WHERE users.id IN (${marks(ids.length)}) AND status <> 'erased'`,
      ids,
    );
    const found = new Map(
      rows.map(({ events, ...person }) => [person.userId, { ...person, preferences: toPreferences(events) }]),
    );
    return asked.map((id) => found.get(id) ?? null);
  });

  return {
    whileThere,
    insert: (change) => takingEmail(() => db.transaction((tx) => saveNew(tx, change))),
    insertFirstAdmin: (change) =>
      takingEmail(() =>
        db.transaction(async (tx) => {
          if ((await lockAdmins(tx)).length > 0) return false;
          await saveNew(tx, change);
          return true;
        }),
      ),
    hasAdmin: async () => (await admins()).length > 0,
    find: (id) => one("id = ?", [id]),
    findByEmail: (email) => one("email = ?", [email]),
    async list({ limit, cursor }) {
      const after = cursor === undefined ? [] : decodeCursor(cursor, ["string"]);
      const rows = await db.select<UserRow>(
        `SELECT ${columns} FROM users WHERE status <> 'erased' ${after.length > 0 ? "AND id > ?" : ""}
         ORDER BY id LIMIT ${limit + 1}`,
        after,
      );
      return toPage(rows, limit, (row) => [row.id], toUser);
    },
    rename: (id, { name, locale }) =>
      db.transaction(async (tx) => {
        const user = await one("id = ?", [id], tx);
        if (!user) return null;
        const renamed = { ...user, name: name ?? user.name, locale: (locale as User["locale"]) ?? user.locale };
        await db.execute("UPDATE users SET name = ?, locale = ? WHERE id = ?", [renamed.name, renamed.locale, id], tx);
        return renamed;
      }),
    setPassword: (id, passwordHash, before, note) =>
      db.transaction(async (tx) => {
        const changed = await db.execute(
          "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ? AND status = 'active'",
          [passwordHash, id, before],
          tx,
        );
        if (changed === 1) await note?.(tx);
        return changed === 1;
      }),
    change: (id, decide, nowMs, note) =>
      db.transaction(async (tx) => {
        const adminIds = await lockAdmins(tx);
        const user = await one("id = ?", [id], tx);
        if (!user) return null;
        const change = decide(user, adminIds.filter((admin) => admin !== id).length);
        if (change) {
          await saveChange(tx, change, nowMs);
          await note?.(tx);
        }
        return { user: change?.user ?? user, change };
      }),
    async preferences(userId) {
      const [row] = await db.select<{ events: string }>("SELECT events FROM preferences WHERE user_id = ?", [userId]);
      return toPreferences(row?.events ?? null);
    },
    contact: contacts.find,
    async setPreferences(userId, { events }) {
      const stored = await whileThere(userId, async (tx) => {
        await db.execute("DELETE FROM preferences WHERE user_id = ?", [userId], tx);
        await db.execute(
          `INSERT INTO preferences (user_id, events) VALUES (${marks(2)})`,
          [userId, JSON.stringify(events)],
          tx,
        );
        return true;
      });
      return stored ?? false;
    },
  };
}

async function takingEmail<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new DomainError("conflict", "EMAIL_TAKEN", "There is an account with this e-mail already.");
  }
}

function toPreferences(events: string | null): NotificationPreferences {
  return { events: events === null ? {} : (JSON.parse(events) as NotificationPreferences["events"]) };
}

function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    locale: row.locale,
    roles: JSON.parse(row.roles) as User["roles"],
    status: row.status,
    passwordHash: row.password_hash,
    createdAt: Number(row.created_at),
    eventSequence: Number(row.event_sequence),
  };
}
