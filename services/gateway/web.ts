import type { IncomingMessage, ServerResponse } from "node:http";
import type { ActionSchema, ServiceSchema, ServiceSettingSchema } from "moleculer";
import ApiGateway from "moleculer-web";
import type { Ctx } from "../../contracts/bus.ts";
import type { AccessToken } from "../../lib/access-token.ts";

// The seam with moleculer-web: which of its members are used, with their types.

const { actions, ...gateway } = ApiGateway as unknown as ServiceSchema;

/**
 * moleculer-web with its request handling, and without the actions it publishes for changing routes from outside. Its own
 * circuit breaker would count what clients do wrong.
 */
export const web: ServiceSchema = {
  ...gateway,
  settings: {
    ...gateway.settings,
    // the server is our own, so that a stop can wait for the requests under way
    server: false,
    // added when started; an empty list would mean moleculer-web's default, which opens every action
    routes: null,
    logRequest: null,
    logRequestParams: null,
    logResponse: null,
    logRouteRegistration: null,
    rootCallOptions(options: { requestID?: string; tracking?: boolean }, req: WebRequest) {
      options.requestID = req.requestId;
      // draining waits for requests; Moleculer's tracking would wait for streams too, which end only then
      options.tracking = false;
    },
  } as ServiceSettingSchema,
  actions: { rest: { ...(actions?.rest as ActionSchema), circuitBreaker: { enabled: false } } },
};

export interface WebRequest extends IncomingMessage {
  requestId: string;
  /** When its head had come, on the clock of `performance`. */
  startedAtMs: number;
  /** The raw query string: see `parseQueryString` in the service. */
  query: string;
  /** As moleculer-web found them, until they become the parameters of an action. */
  $params: { params?: Record<string, string> } | Record<string, unknown>;
  $ctx: Ctx;
  $alias: WebAlias;
  /** The path without a slash at its end. */
  parsedUrl: string;
  /** Whose valid token came with the request. */
  session?: AccessToken | null;
}

export interface WebAlias {
  method: string;
  fullPath: string;
  /** The path parameters when the path fits. */
  match(path: string): Record<string, string> | false;
}

export type AliasHandler = (req: WebRequest, res: ServerResponse, next: (error: unknown) => void) => void;

export interface WebRoute {
  path: string;
  mappingPolicy: "restrict";
  mergeParams: false;
  bodyParsers: false;
  autoAliases: false;
  logging: false;
  pathToRegexpOptions: { sensitive: boolean; trailing: boolean };
  aliases: Record<string, string | AliasHandler>;
  onBeforeCall: (ctx: Ctx, route: unknown, req: WebRequest, res: ServerResponse) => Promise<void>;
}

/** Aliases listed one by one, parameters never merged, bodies read by ourselves: what is not said here is off. */
export const webRoute = (
  path: string,
  aliases: WebRoute["aliases"],
  onBeforeCall: WebRoute["onBeforeCall"],
): WebRoute => ({
  path,
  mappingPolicy: "restrict",
  mergeParams: false,
  bodyParsers: false,
  autoAliases: false,
  logging: false,
  pathToRegexpOptions: { sensitive: true, trailing: false },
  aliases,
  onBeforeCall,
});

type CallAction = (route: unknown, action: string, ...rest: unknown[]) => Promise<unknown>;

/** Calls an action and sends its answer; for the method that overrides it. */
export const callAction = gateway.methods?.callAction as unknown as CallAction;

/** The members of moleculer-web's service that this one calls. */
export interface WebService {
  aliases: WebAlias[];
  addRoute(route: WebRoute): void;
  httpHandler(req: WebRequest, res: ServerResponse): Promise<void>;
}
