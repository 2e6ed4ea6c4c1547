import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { rawRequest, startGateway, tokenOf, type TestGateway } from "./support.ts";

const script = "export const answer = 42;".repeat(100);
let gateway: TestGateway;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hub-web-"));
  mkdirSync(join(folder, "assets"));
  const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
  write("index.html", "<title>shop</title>");
  write("console.html", "<title>console</title>");
  write("favicon.svg", "<svg/>");
  write("assets/shop-1a2b.js", script);
  write("assets/shop-1a2b.js.br", brotliCompressSync(script));
  write("assets/shop-1a2b.js.gz", gzipSync(script));
  write("assets/shop-1a2b.css", "body{}");
  write("pages.json", JSON.stringify({ "/": "index.html", "/orders/:id": "index.html", "/console": "console.html" }));
  gateway = await startGateway({ env: { WEB_DIR: folder } });
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) => gateway.request("GET", path, { headers });

describe("the shop and the console", () => {
  it.each([
    ["/", "shop"],
    ["/orders/1", "shop"],
    ["/orders/1/", "shop"],
    ["/console", "console"],
  ])(
    "answers %s with the page of the %s, which nobody may keep, frame or run strange scripts in",
    async (path, title) => {
      const { status, headers, text } = await get(path);

      expect({ status, text }).toEqual({ status: 200, text: `<title>${title}</title>` });
      expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-frame-options")).toBe("DENY");
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|http|\*|data:/);
    },
  );

  it("sends files in the form that the browser reads, to be kept for good", async () => {
    const forms = async (accepted: string) => {
      const { headers, text } = await get("/assets/shop-1a2b.js", { "accept-encoding": accepted });
      expect(text).toBe(script);
      return headers.get("content-encoding");
    };

    expect(await forms("gzip, deflate, br")).toBe("br");
    expect(await forms("gzip, br;q=0")).toBe("gzip");
    expect(await forms("identity")).toBeNull();
    const { headers } = await get("/assets/shop-1a2b.js");
    expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(headers.get("vary")).toBe("Accept-Encoding");
    expect(headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  });

  it("sends what was too small to be compressed as it is", async () => {
    const { headers, text } = await get("/assets/shop-1a2b.css", { "accept-encoding": "br" });

    expect([headers.get("content-encoding"), text]).toEqual([null, "body{}"]);
  });

  it("gives nothing but the files that were built, however they are asked for", async () => {
    for (const path of [
      "/assets/other.js",
      "/assets/shop-1a2b.js.br",
      "/assets/..%2fpages.json",
      "/pages.json",
      "/index.html",
    ]) {
      expect((await get(path)).status).toBe(404);
    }
    const climbed = await rawRequest(
      gateway.port,
      "GET /assets/../pages.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    expect(climbed).toMatch(/^HTTP\/1\.1 404 /);
  });

  it("leaves the REST interface as it was: what is not there is a problem, and a page takes no POST", async () => {
    expect((await get("/api/v1/nothing")).body).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect((await gateway.request("POST", "/console")).body).toMatchObject({ code: "METHOD_NOT_ALLOWED" });
    expect((await get("/nothing")).body).toMatchObject({ code: "NOT_FOUND" });
  });

  it("opens for people whose session has ended", async () => {
    const token = tokenOf({ issuedAtMs: Date.now() - 86_400_000 });

    expect((await gateway.request("GET", "/", { token })).status).toBe(200);
  });
});

describe("a gateway without built pages", () => {
  it("has the REST interface alone", async () => {
    const bare = await startGateway({ env: { WEB_DIR: join(folder, "missing") } });

    expect((await bare.request("GET", "/")).status).toBe(404);
    expect((await bare.request("GET", "/health/live")).status).toBe(200);
    await bare.stop();
  });
});
