import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

export interface CallOptions {
  token?: string;
  key?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, a string as it is. */
  body?: unknown;
}

interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
}

export interface Person {
  id: string;
  email: string;
  token: string;
  refreshToken: string;
}

let people = 0;

/** Paths of the REST base need no prefix. */
export const fullPathOf = (path: string): string =>
  /^\/(health|openapi|docs|\.well-known|sandbox)/.test(path) ? path : `/api/v1${path}`;

/** Speaks REST as a client does, and holds every answer against the OpenAPI document. */
export class RestClient {
  readonly url: string;
  private readonly document: OpenApi;
  private readonly ajv: Ajv2020;
  private readonly templates: readonly { template: string; fits: RegExp }[];
  private readonly validators = new Map<string, ValidateFunction>();

  private constructor(url: string, document: OpenApi) {
    this.url = url;
    this.document = document;
    // each check is compiled in each test file, and runs a few times
    this.ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false, code: { optimize: false } });
    addFormats.default(this.ajv);
    this.ajv.addSchema({ $id: "openapi", ...document });
    this.templates = Object.keys(document.paths).map((template) => ({
      template,
      fits: new RegExp(`^${template.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`),
    }));
  }

  static async to(url: string): Promise<RestClient> {
    const response = await fetch(`${url}/openapi.json`);
    return new RestClient(url, (await response.json()) as OpenApi);
  }

  /** `request("POST", "/orders", …)`; paths of the REST base need no prefix. */
  async request<T = Record<string, unknown>>(
    method: string,
    path: string,
    options: CallOptions = {},
  ): Promise<Answer<T>> {
    const { token, key, body, headers } = options;
    const full = fullPathOf(path);
    const response = await fetch(this.url + full, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...(body === undefined || typeof body === "string" ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const parsed: unknown = isJson && text !== "" ? JSON.parse(text) : text;
    this.assertDocumented(method, full, response, parsed, text);
    return { status: response.status, headers: response.headers, body: parsed as T };
  }

  get = <T = Record<string, unknown>>(path: string, options?: CallOptions) => this.request<T>("GET", path, options);
  post = <T = Record<string, unknown>>(path: string, options?: CallOptions) => this.request<T>("POST", path, options);
  put = <T = Record<string, unknown>>(path: string, options?: CallOptions) => this.request<T>("PUT", path, options);
  patch = <T = Record<string, unknown>>(path: string, options?: CallOptions) => this.request<T>("PATCH", path, options);
  delete = <T = Record<string, unknown>>(path: string, options?: CallOptions) =>
    this.request<T>("DELETE", path, options);

  /** A new customer, signed in. */
  async signUp(locale: "en" | "zh" = "en"): Promise<Person> {
    people += 1;
    const email = `person-${process.pid}-${Date.now()}-${people}@example.com`;
    const answer = await this.post<{ user: { id: string }; accessToken: string; refreshToken: string }>(
      "/auth/register",
      {
        body: { email, password: "correct horse battery", name: `Person ${people}`, locale },
      },
    );
    if (answer.status !== 201)
      throw new Error(`registration answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return { id: answer.body.user.id, email, token: answer.body.accessToken, refreshToken: answer.body.refreshToken };
  }

  async signIn(credentials: { email: string; password: string }): Promise<string> {
    const answer = await this.post<{ accessToken: string }>("/auth/login", { body: credentials });
    if (answer.status !== 200) throw new Error(`log-in answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body.accessToken;
  }

  private assertDocumented(method: string, path: string, response: Response, body: unknown, text: string): void {
    const template = this.templateOf(path.split("?")[0] ?? path);
    const operation = template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()];
    if (template === undefined || !operation) return;
    const { status } = response;
    if (!response.headers.get("x-request-id")) throw new Error(`${method} ${path} answered without X-Request-Id`);
    if ((status === 429 || status === 503) && !response.headers.get("retry-after")) {
      throw new Error(`${method} ${path} answered ${status} without Retry-After`);
    }
    if (!(status in operation.responses)) throw new Error(`${method} ${template} does not document ${status}: ${text}`);
    const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
    if (!/json/.test(type)) return;
    const validate = this.validator(template, method, status, type);
    if (!validate(body)) {
      throw new Error(
        `${method} ${path} answered ${status} ${text}, which is not as documented: ${this.ajv.errorsText(validate.errors)}`,
      );
    }
  }

  private validator(template: string, method: string, status: number, type: string): ValidateFunction {
    const name = `${method} ${template} ${status} ${type}`;
    const known = this.validators.get(name);
    if (known) return known;
    const escape = (part: string): string => part.replaceAll("~", "~0").replaceAll("/", "~1");
    const response = this.resolve(this.document.paths[template]?.[method.toLowerCase()]?.responses[status]);
    const content = (response as { content?: Record<string, { schema?: unknown }> }).content?.[type];
    if (!content?.schema) throw new Error(`${method} ${template} does not document ${status} as ${type}`);
    const pointer = this.pointerOf(template, method, status);
    const validate = this.ajv.compile({ $ref: `openapi#${pointer}/content/${escape(type)}/schema` });
    this.validators.set(name, validate);
    return validate;
  }

  private pointerOf(template: string, method: string, status: number): string {
    const escape = (part: string): string => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
    const response = this.document.paths[template]?.[method.toLowerCase()]?.responses[status] as { $ref?: string };
    if (response.$ref) return response.$ref.slice(1);
    return `/paths/${escape(template)}/${method.toLowerCase()}/responses/${status}`;
  }

  private resolve(value: unknown): unknown {
    const ref = (value as { $ref?: string } | undefined)?.$ref;
    if (ref === undefined) return value;
    return ref
      .slice(2)
      .split("/")
      .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], this.document);
  }

  private templateOf(path: string): string | undefined {
    if (Object.hasOwn(this.document.paths, path)) return path;
    return this.templates.find(({ fits }) => fits.test(path))?.template;
  }
}
