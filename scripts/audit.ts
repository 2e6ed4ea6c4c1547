import { spawnSync } from "node:child_process";

// `npm run audit`, a part of `npm test`: no package that runs in production has an advisory of weight high or more. A
// registry that gives no advisories, or cannot be reached, fails nothing, as it says nothing of the packages; the last
// line tells so.

interface Report {
  metadata?: { vulnerabilities?: { high: number; critical: number } };
  vulnerabilities?: Record<string, { severity: string }>;
  /** Why there is no report. */
  message?: string;
  error?: { summary?: string };
}

const question = ["audit", "--omit=dev", "--json", "--fetch-retries=0", "--fetch-timeout=20000"];
const { stdout } = spawnSync("npm", question, { encoding: "utf8", timeout: 60_000 });
const { metadata, vulnerabilities = {}, message, error } = reportIn(stdout);
const counts = metadata?.vulnerabilities;
if (!counts) {
  const why = message ?? error?.summary ?? "no answer";
  process.stdout.write(`audit: could not be asked, so nothing is known of advisories (${why})\n`);
} else {
  const grave = Object.entries(vulnerabilities).filter(([, { severity }]) => /^(high|critical)$/.test(severity));
  for (const [name, { severity }] of grave) process.stdout.write(`${severity}: ${name}\n`);
  process.stdout.write(`audit: ${counts.high + counts.critical} advisories of weight high or more\n`);
  process.exitCode = counts.high + counts.critical > 0 ? 1 : 0;
}

function reportIn(text: string): Report {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return {};
  }
}
