import { status, table, visible } from "../../../repl/table.ts";

describe("a table", () => {
  it("has columns of one width, and numbers to the right", () => {
    const rows = [
      ["T-1", 5, "a lamp"],
      ["T-1000", 1_200, null],
    ];

    expect(table(["sku", "units", "name"], rows)).toBe(
      ["sku     units  name", "T-1         5  a lamp", "T-1000   1200  -", ""].join("\n"),
    );
  });

  it("counts two columns for a Chinese character", () => {
    const [, first = "", second = ""] = table(
      ["name", "units"],
      [
        ["灯笼", 1],
        ["lamp", 2],
      ],
    ).split("\n");

    expect(first).toBe("灯笼      1");
    expect(second).toBe("lamp      2");
  });

  it("has no colours where no terminal reads", () => {
    expect(table(["status"], [[status("DEAD")]])).toBe("status\nDEAD\n");
  });

  it("says when there is nothing", () => {
    expect(table(["status"], [])).toBe("none\n");
  });

  it("lets nobody steer the terminal by what they wrote", () => {
    expect(visible("a\u001b[2Jb\u001b]0;title\u0007c\r\nd")).toBe("abc d");
  });
});
