import { newId, timeOfId } from "../../../lib/ids.ts";

describe("new ids", () => {
  const ids = Array.from({ length: 5_000 }, newId);

  it("are version 7, of now", () => {
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(timeOfId(newId()) - Date.now())).toBeLessThan(1_000);
  });

  it("differ, and each is greater than the one before", () => {
    expect(ids).toEqual([...new Set(ids)].sort());
  });
});
