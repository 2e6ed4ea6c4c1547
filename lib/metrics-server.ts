import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Metrics } from "./metrics.ts";
import { messageOf } from "./errors.ts";

export interface MetricsServer {
  stop(): Promise<void>;
}

export interface MetricsServerOptions {
  host: string;
  port: number;
  /** What this node lacks before it can be counted on; nothing: it is ready. */
  missing: () => readonly string[];
  onError: (error: string) => void;
}

/** Whoever watches nodes asks each of them the same, also those without a gateway. */
export const nodePaths = ["/metrics", "/health/live", "/health/ready"] as const;

/** Answers `nodePaths`, on a port of its own that is not for the public. */
export async function serveMetrics(
  metrics: Metrics,
  { host, port, missing, onError }: MetricsServerOptions,
): Promise<MetricsServer> {
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const [asked] = (req.url ?? "").split("?");
    const path = nodePaths.find((one) => one === asked);
    if (path === undefined) return void res.writeHead(404).end();
    if (req.method !== "GET") return void res.writeHead(405, { Allow: "GET" }).end();
    if (path !== "/metrics") {
      const lacks = path === "/health/live" ? [] : missing();
      const status = lacks.length === 0 ? "ok" : "unavailable";
      res.writeHead(status === "ok" ? 200 : 503, { "Content-Type": "application/json" });
      return void res.end(JSON.stringify({ status, missing: lacks }));
    }
    const text = await metrics.scrape();
    res.writeHead(200, { "Content-Type": metrics.contentType, "Content-Length": Buffer.byteLength(text) }).end(text);
  };
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (req, res) => {
    answer(req, res).catch((error: unknown) => {
      onError(messageOf(error));
      res.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
