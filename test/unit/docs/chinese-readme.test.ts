import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

describe("the Chinese README", () => {
  const shape = (name: string) => {
    const text = readFileSync(resolve(root, name), "utf8");
    return {
      sections: text.match(/^#+ /gm)?.map((hashes) => hashes.trim().length),
      commands: [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, code = ""]) =>
        code.replace(/\s*#.*$/gm, "").trim(),
      ),
      settings: [...text.matchAll(/^\| (`[A-Z][^|]+?) +\|/gm)].map(([, names = ""]) => names.trim()),
      npmCommands: [...text.matchAll(/^\| `(npm [^|`]+)`/gm)].map(([, command = ""]) => command),
    };
  };

  it("has the sections, commands and settings of the English one", () => {
    expect(shape("README.zh-CN.md")).toEqual(shape("README.md"));
  });
});
