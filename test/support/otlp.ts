import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  node: string;
  failed: boolean;
  attributes: Record<string, string>;
}

interface Value {
  stringValue?: string;
  intValue?: string | number;
}
type KeyValues = { key: string; value: Value }[];
interface Export {
  resourceSpans: {
    resource: { attributes: KeyValues };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        name: string;
        attributes: KeyValues;
        status?: { code?: number };
      }[];
    }[];
  }[];
}

const recordOf = (pairs: KeyValues): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? "")]));

/** A collector that takes OTLP over HTTP and keeps every span. */
export async function startCollector(): Promise<{ url: string; spans: CollectedSpan[]; stop(): Promise<void> }> {
  const spans: CollectedSpan[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Export;
      for (const { resource, scopeSpans } of resourceSpans) {
        const node = recordOf(resource.attributes)["service.instance.id"] ?? "";
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          const { traceId, spanId, parentSpanId = "", name, attributes, status } = span;
          spans.push({
            ...{ traceId, spanId, parentSpanId, name, node },
            failed: status?.code === 2,
            attributes: recordOf(attributes),
          });
        }
      }
      res.writeHead(200, { "Content-Type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
