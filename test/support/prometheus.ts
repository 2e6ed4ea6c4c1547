/** What a scrape says: each metric's series as their labels, histograms under the names of their parts. */
export type Scrape = ReadonlyMap<string, readonly Readonly<Record<string, string>>[]>;

export async function scrape(port: number): Promise<{ text: string; series: Scrape }> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
  const text = await response.text();
  const series = new Map<string, Record<string, string>[]>();
  for (const line of text.split("\n")) {
    const [, name, labels = ""] = /^([a-z_0-9]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    series.set(name, [...(series.get(name) ?? []), pairsOf(labels)]);
  }
  return { text, series };
}

/** The value of the one series of `name` with these labels; 0 when there is none, as for a counter. */
export function valueOf(text: string, name: string, labels: Record<string, string> = {}): number {
  const line = text.split("\n").find((one) => {
    const [, found, pairs = ""] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(one) ?? [];
    return found === name && Object.entries(labels).every(([label, value]) => pairsOf(pairs)[label] === value);
  });
  return Number(line?.split(" ").at(-1) ?? 0);
}

const pairsOf = (labels: string): Record<string, string> =>
  Object.fromEntries(
    Array.from(labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g), ([, name = "", value = ""]) => [name, value] as const),
  );

/** Labels that Prometheus itself adds, and its one metric that no node has. */
const added = new Set(["instance", "job", "alertname"]);
const own = new Set(["up"]);

/**
 * What an expression of PromQL asks for that this scrape does not have: metrics, labels, and values that are compared
 * for equality, but for those in `unseen`, which need an accident to appear.
 */
export function missingIn(expression: string, series: Scrape, unseen: ReadonlySet<string> = new Set()): string[] {
  const problems: string[] = [];
  const asked = Array.from(expression.matchAll(/\b((?:hub|nodejs|process)_\w+|up)\b(?:\{([^}]*)\})?/g));
  if (asked.length === 0) problems.push(`no metric in ${expression}`);
  const grouped = Array.from(expression.matchAll(/\bby \(([^)]*)\)/g), ([, names = ""]) => names.split(/,\s*/)).flat();
  for (const [, name = "", matchers = ""] of asked) {
    if (own.has(name)) continue;
    const known = series.get(name);
    if (!known) {
      problems.push(name);
      continue;
    }
    const labels = new Set(known.flatMap((one) => Object.keys(one)));
    const has = (label: string): boolean => labels.has(label) || added.has(label);
    for (const label of grouped) if (!has(label)) problems.push(`${name} by ${label}`);
    for (const [, label = "", operator, value = ""] of matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
      if (!has(label)) problems.push(`${name}{${label}}`);
      else if (
        operator === "=" &&
        !added.has(label) &&
        !unseen.has(value) &&
        !known.some((one) => one[label] === value)
      )
        problems.push(`${name}{${label}="${value}"}`);
    }
  }
  return problems;
}
