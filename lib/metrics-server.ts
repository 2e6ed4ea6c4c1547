import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Metrics } from "./metrics.ts";
import { messageOf } from "./errors.ts";

export interface MetricsServer {
  stop(): Promise<void>;
}

/** Answers `GET /metrics`, on a port of its own that is not for the public. */
export async function serveMetrics(
  metrics: Metrics,
  { host, port, onError }: { host: string; port: number; onError: (error: string) => void },
): Promise<MetricsServer> {
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const [path] = (req.url ?? "").split("?");
    if (path !== "/metrics") return void res.writeHead(404).end();
    if (req.method !== "GET") return void res.writeHead(405, { Allow: "GET" }).end();
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
