import type { LiveChange, SomeLiveValues, StoredSettings } from "../../contracts/settings.ts";
import type { Note } from "../../lib/audit-log.ts";
import type { Database, Tx } from "../../lib/database.ts";
import { toIso } from "../../lib/time.ts";

interface Changed {
  before: SomeLiveValues;
  after: SomeLiveValues;
}

type NoteChange = (changed: Changed) => Note;

/** What was set for all nodes, as one row. */
export interface SettingsRepository {
  read(): Promise<StoredSettings>;
  /** Answers with what was set before and what is now. */
  change(change: LiveChange, by: string, nowMs: number, note: NoteChange): Promise<Changed>;
}

interface Row {
  set_values: string;
  changed_at: number | string;
  changed_by: string | null;
}

export function settingsRepository(db: Database): SettingsRepository {
  const find = async (tx?: Tx): Promise<Row | undefined> => {
    const lock = tx && db.dialect === "mysql" ? "FOR UPDATE" : "";
    const [row] = await db.select<Row>(
      `SELECT set_values, changed_at, changed_by FROM live_settings WHERE id = 1 ${lock}`,
      [],
      tx,
    );
    return row;
  };
  return {
    async read() {
      const row = await find();
      if (!row?.changed_by) return { set: {}, changedAt: null, changedBy: null };
      return {
        set: JSON.parse(row.set_values) as SomeLiveValues,
        changedAt: toIso(Number(row.changed_at)),
        changedBy: row.changed_by,
      };
    },
    change: (change, by, nowMs, note) =>
      db.transaction(async (tx) => {
        const before = JSON.parse((await find(tx))?.set_values ?? "{}") as SomeLiveValues;
        const merged = Object.entries({ ...before, ...change }).filter(([, value]) => value !== null);
        const after = Object.fromEntries(merged) as SomeLiveValues;
        await db.execute(
          "UPDATE live_settings SET set_values = ?, changed_at = ?, changed_by = ? WHERE id = 1",
          [JSON.stringify(after), nowMs, by],
          tx,
        );
        await note({ before, after })(tx);
        return { before, after };
      }),
  };
}
