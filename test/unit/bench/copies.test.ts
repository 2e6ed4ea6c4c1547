import { copyOf } from "../../../bench/big-data/copies.ts";

const person = "01a21448-ad7a-7bd3-a535-3034f1918bf8";
const order = "01a21448-be48-7c1b-bdee-e209845f4f77";
const admin = "01a21448-a815-7d4c-b4ef-89af433ed09d";
const copied = { personId: person, email: "somebody@example.com", kept: [admin] };

describe("a column of copied rows", () => {
  it("numbers an order's ids from the first of its round, and a person's from none", () => {
    expect(copyOf("order_id", order, copied, 300)).toBe(
      "CONCAT('01a044cc-6648-7c1b-bdee-e209', LPAD(n + 300, 8, '0'))",
    );
    expect(copyOf("user_id", person, copied, 300)).toBe("CONCAT('01a044cc-557a-7bd3-a535-3034', LPAD(n + 0, 8, '0'))");
  });

  it("finds ids, refs and the address inside of a text, and leaves who is kept", () => {
    const text = `{"id":"${order}","by":"${admin}","it's":"somebody@example.com"}`;

    const sql = copyOf("body", text, copied, 7);

    expect(sql).toContain("LPAD(n + 7, 8, '0')");
    expect(sql).toContain(admin);
    expect(sql).toContain("it\\'s");
    expect(sql).toContain("'somebody-', n, '@example.com'");
    expect(sql).not.toContain(order);
    expect(copyOf("provider_ref", "ch_0ae189154dd4f1e2c5fdeac732086637", copied, 7)).toBe(
      "CONCAT('ch_0ae189154dd4f1e2c5fdeac7', LPAD(n + 7, 8, '0'))",
    );
  });

  it("keeps numbers, words and what is missing, and makes times ninety days older", () => {
    expect(copyOf("attempts", 3, copied, 0)).toBe("3");
    expect(copyOf("status", "PAID", copied, 0)).toBe("'PAID'");
    expect(copyOf("note", null, copied, 0)).toBe("NULL");
    expect(copyOf("created_at", 1_795_636_641_352, copied, 0)).toBe(String(1_795_636_641_352 - 90 * 86_400_000));
  });

  it("never repeats a key that is unique", () => {
    expect(copyOf("dedup_key", "KBx6kh6HCX0YHwAW8fubqw4cK4fGTqri9hVHTi7pvqM", copied, 5)).toBe(
      "CONCAT('KBx6kh6HCX0YHwAW8fubqw4cK4fGTqri9hV', LPAD(n + 5, 8, '0'))",
    );
  });
});
