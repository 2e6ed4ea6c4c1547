import type { ServerResponse } from "node:http";
import type { Identity } from "../../contracts/bus.ts";
import { newId } from "../../lib/ids.ts";
import type { MemoryReads } from "../../lib/memory-reads.ts";
import { arrivalOf, type Admission } from "./admission.ts";
import { givenRequestId, hasOneHost } from "./client.ts";
import type { Load } from "./load.ts";
import type { ActionTarget, Target } from "./requests.mixin.ts";
import { wholeSender, type Headers } from "./respond.ts";
import { pathNamesOf } from "./routes.ts";
import type { WebAlias, WebRequest } from "./web.ts";

/** Answers a request at once, if that takes nothing but what this process knows; false: nothing was done. */
export type MemoryLane = (req: WebRequest, res: ServerResponse) => boolean;

interface Setup {
  targets: ReadonlyMap<WebAlias, Target>;
  reads: MemoryReads;
  admission: Admission;
  load: Load;
  headers: Headers;
}

/** What a route with one parameter leads to: an action that answers with an object. */
type AnyPeek = (params: Record<string, string>, caller: Identity | null) => object | undefined;

interface Lane extends ActionTarget {
  alias: WebAlias;
  /** The path parameter, which is all that stands behind the last slash. */
  name: string;
  /** Paths of the same form that lead elsewhere. */
  elsewhere: ReadonlySet<string>;
}

/**
 * The way of a read that a service has an answer to in memory: without moleculer-web, calls and promises. Everything that
 * the ordinary way asks is asked here as well, and whatever is not plain goes that way: who is refused, what is not in
 * memory, paths that must be decoded, queries, clients near their limit, tokens that were not verified before.
 */
export function memoryLane({ targets, reads, admission, load, headers }: Setup): MemoryLane {
  const lanes = lanesOf(targets);
  const send = wholeSender(headers);

  return (req, res) => {
    const { method, url = "" } = req;
    if (method !== "GET" && method !== "HEAD") return false;
    const nameAt = url.lastIndexOf("/") + 1;
    const lane = lanes.get(url.slice(0, nameAt));
    if (!lane) return false;
    const { action } = lane.route;
    const peek = reads.peekOf(action) as AnyPeek | undefined;
    if (!peek) return false;
    const params = { [lane.name]: url.slice(nameAt) };
    // a name that had to be decoded fits no contract's
    if (!lane.canExist(params) || lane.elsewhere.has(url)) return false;
    if (!hasOneHost(req.rawHeaders, req.httpVersion) || !load.hasRoom(lane.asked)) return false;
    const arrival = arrivalOf(admission, lane.entry, req);
    const value = arrival && peek(params, arrival.user);
    // counted last: who goes the ordinary way is counted there
    if (!value || !admission.limiter.takeNow(arrival.client)) return false;
    req.$alias = lane.alias;
    send(res, givenRequestId(req.headers["x-request-id"]) ?? newId(), value);
    reads.answered(action, performance.now() - req.startedAtMs);
    return true;
  };
}

/** Reads of one thing by its name, by what stands before the name. */
function lanesOf(targets: ReadonlyMap<WebAlias, Target>): ReadonlyMap<string, Lane> {
  const lanes = new Map<string, Lane>();
  const literals = [...targets.keys()].map(({ fullPath }) => fullPath).filter((path) => !path.includes("/:"));
  for (const [alias, target] of targets) {
    if (!("route" in target) || target.route.method !== "GET" || target.route.status !== 200) continue;
    const nameAt = alias.fullPath.lastIndexOf("/") + 1;
    const before = alias.fullPath.slice(0, nameAt);
    const [name] = pathNamesOf(alias.fullPath.slice(nameAt - 1));
    if (name === undefined || before.includes(":") || !target.entry.limited || target.entry.ignoresToken) continue;
    const elsewhere = new Set(
      literals.filter((path) => path.lastIndexOf("/") + 1 === nameAt && path.startsWith(before)),
    );
    lanes.set(before, { ...target, alias, name, elsewhere });
  }
  return lanes;
}
