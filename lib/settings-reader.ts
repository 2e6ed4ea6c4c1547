export type Env = Readonly<Record<string, string | undefined>>;

/** Every setting that is wrong, a sentence each, beginning with the variable's name. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

const weakSecrets = /^(change-?me|secret|password|admin|default|example|test|1234)/i;

/** Reads settings, and remembers what is wrong with them until `finish`. */
export class SettingsReader {
  private readonly env: Env;
  private readonly problems: string[] = [];

  constructor(env: Env) {
    this.env = env;
  }

  problem(name: string, sentence: string): void {
    this.problems.push(`${name} ${sentence}`);
  }

  finish(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }

  /** An empty variable counts as unset, as compose files and shells leave them. */
  value(name: string): string | undefined {
    const value = this.env[name]?.trim();
    return value === "" ? undefined : value;
  }

  text(name: string, fallback: string, allowed: RegExp, description: string): string {
    const value = this.value(name) ?? fallback;
    if (!allowed.test(value)) this.problem(name, `is "${value}", but must be ${description}`);
    return value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    this.problem(name, `is "${value}", but must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  ratio(name: string, fallback: number): number {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const number = /^\d(\.\d{1,9})?$/.test(value) ? Number(value) : NaN;
    if (number >= 0 && number <= 1) return number;
    this.problem(name, `is "${value}", but must be a number from 0 to 1`);
    return fallback;
  }

  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problem(name, `is "${value}", but must be one of ${choices.join(", ")}`);
    return found ?? fallback;
  }

  /** Never repeats the value in a message: URLs hold passwords. */
  url(name: string, protocols: readonly string[]): string | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (URL.canParse(value) && protocols.includes(new URL(value).protocol) && new URL(value).hostname !== "")
      return value;
    this.problem(name, `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`);
    return null;
  }

  secret(name: string, min: number, max: number): string | null {
    const value = this.env[name];
    if (value === undefined || value === "") return null;
    if (value.length < min || value.length > max) this.problem(name, `must have ${min} to ${max} characters`);
    else if (this.env.NODE_ENV === "production" && weakSecrets.test(value))
      this.problem(name, "is a default or easily guessed value");
    return value;
  }

  /** One secret, or two with a comma between them. Never repeats one in a message. */
  secrets(name: string, allowed: RegExp, description: string): string[] {
    const values = (this.value(name) ?? "").split(",").map((value) => value.trim());
    if (values.join() === "") return [];
    if (values.length > 2 || !values.every((value) => allowed.test(value))) {
      this.problem(name, `must be one secret of ${description}, or a new and an old one with a comma between them`);
    }
    return values;
  }
}
