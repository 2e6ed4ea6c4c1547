import type { WebAlias } from "./web.ts";

export interface Match<A> {
  alias: A;
  params: Record<string, string>;
}

/**
 * Finds the alias of a request. moleculer-web tries the regular expression of every alias in turn; here those with the
 * same method and number of path segments are tried, and a path without parameters is looked up.
 */
export class Router<A extends WebAlias> {
  private readonly literal = new Map<string, A>();
  private readonly patterns = new Map<string, A[]>();
  private readonly methods: readonly string[];
  private last: { method: string; path: string; match: Match<A> | null } | null = null;

  constructor(aliases: readonly A[]) {
    this.methods = [...new Set(aliases.map(({ method }) => method))].sort();
    for (const alias of aliases) {
      if (!alias.fullPath.includes("/:")) {
        this.literal.set(`${alias.method} ${alias.fullPath}`, alias);
        continue;
      }
      const key = `${alias.method} ${depthOf(alias.fullPath)}`;
      this.patterns.set(key, [...(this.patterns.get(key) ?? []), alias]);
    }
  }

  /** HEAD is answered as GET is; Node leaves the body out. */
  find(method: string, path: string): Match<A> | null {
    const { last } = this;
    // moleculer-web asks again for what was looked up a moment ago
    if (last?.method === method && last.path === path) return last.match;
    const match = this.search(method, path);
    this.last = { method, path, match };
    return match;
  }

  private search(method: string, path: string): Match<A> | null {
    const wanted = method === "HEAD" ? "GET" : method;
    const literal = this.literal.get(`${wanted} ${path}`);
    if (literal) return { alias: literal, params: {} };
    for (const alias of this.patterns.get(`${wanted} ${depthOf(path)}`) ?? []) {
      const params = alias.match(path);
      if (params) return { alias, params };
    }
    return null;
  }

  /** The methods that this path answers to; none when it is unknown. */
  allowed(path: string): string[] {
    const allowed = this.methods.filter((method) => this.find(method, path) !== null);
    if (allowed.includes("GET")) allowed.push("HEAD");
    return allowed.length > 0 ? [...allowed, "OPTIONS"] : [];
  }
}

function depthOf(path: string): number {
  let depth = 0;
  for (let i = path.indexOf("/"); i !== -1; i = path.indexOf("/", i + 1)) depth += 1;
  return depth;
}
