/** One thing wrong with one field. */
export interface FieldError {
  field: string;
  code: string;
  message: string;
}

interface ProblemBody {
  code?: string;
  detail?: string;
  requestId?: string;
  errors?: FieldError[];
  [member: string]: unknown;
}

/** An answer that is no success, as the server described it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly fields: readonly FieldError[];
  /** Further members, such as how many are left of what is out of stock. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, body: ProblemBody, retryAfter: string | null) {
    super(body.detail ?? `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "UNKNOWN";
    this.requestId = body.requestId ?? null;
    this.fields = body.errors ?? [];
    this.members = body;
    this.retryAfterSeconds = retryAfter === null ? null : Number(retryAfter);
  }
}

/** No answer came: whether the server did what it was asked is not known. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
    this.name = "Unreachable";
  }
}

export const isProblem = (error: unknown, code: string): error is Problem =>
  error instanceof Problem && error.code === code;
