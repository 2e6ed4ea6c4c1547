import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockDataDir, prepareDataDir, secretFile, StartError } from "../../../lib/data-dir.ts";

const fresh = (): string => mkdtempSync(join(tmpdir(), "hub-test-"));

describe("the data directory", () => {
  it("is made with its parents, for its owner alone", () => {
    const path = join(fresh(), "a", "b");
    prepareDataDir(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it.each(["/proc/nope", "/proc/nope/deeper", "/dev/null/below"])(
    "is refused in one sentence where it cannot be: %s",
    (path) => {
      expect(() => prepareDataDir(path)).toThrow(StartError);
      expect(() => prepareDataDir(path)).toThrow(`DATA_DIR ${path} cannot be written to`);
    },
  );

  it("belongs to one system at a time", () => {
    const path = fresh();
    const release = lockDataDir(path);
    expect(() => lockDataDir(path)).toThrow(StartError);
    release();
    lockDataDir(path)();
  });

  it("keeps a secret that is made once", () => {
    const path = fresh();
    const first = secretFile(path, "key");
    expect(secretFile(path, "key")).toEqual({ value: first.value, created: false });
    expect(first.created).toBe(true);
    expect(statSync(join(path, "key")).mode & 0o777).toBe(0o600);
  });
});
