import { startHub, type Hub } from "../../support/hub.ts";
import type { Answer } from "../../support/rest.ts";

// Whether an e-mail has an account must not show: not in an answer, and not in how long it takes. Times are compared by
// ranks of interleaved samples, so that whatever else the machine does meets both alike.

const samples = 40;
const password = "correct horse battery";

let hub: Hub;
let known: string[];
beforeAll(async () => {
  const most = "1000000000";
  hub = await startHub("SQLite", {
    ...{ RATE_LIMIT: most, REGISTER_RATE_LIMIT: most },
    ...{ LOGIN_FAILURES_PER_ADDRESS: most, LOGIN_FAILURES_PER_ACCOUNT: most },
  });
  known = [];
  for (let i = 0; i < 8; i += 1) known.push((await hub.rest.signUp()).email);
});
afterAll(() => hub.dispose());

interface Sample {
  isKnown: boolean;
  ms: number;
  answer: Answer;
}

let strangers = 0;
const emailOf = (isKnown: boolean, i: number): string =>
  isKnown ? (known[i % known.length] ?? "") : `stranger-${(strangers += 1)}-${Date.now()}@example.com`;

/** Asks for known and unknown e-mails in turns, the first of each pair by turns, too. */
async function interleaved(ask: (email: string) => Promise<Answer>): Promise<Sample[]> {
  const taken: Sample[] = [];
  for (let i = -4; i < samples; i += 1) {
    for (const isKnown of i % 2 === 0 ? [true, false] : [false, true]) {
      const email = emailOf(isKnown, i + 8);
      const startedAt = performance.now();
      const answer = await ask(email);
      // the first ones warm up
      if (i >= 0) taken.push({ isKnown, ms: performance.now() - startedAt, answer });
    }
  }
  return taken;
}

/** How likely a known e-mail takes longer than an unknown one: a half where time tells nothing (Mann and Whitney's U). */
function probabilityOfLonger(taken: readonly Sample[]): number {
  const [yes, no] = [taken.filter(({ isKnown }) => isKnown), taken.filter(({ isKnown }) => !isKnown)];
  const longer = yes.flatMap((a) => no.map((b) => (a.ms > b.ms ? 1 : a.ms === b.ms ? 0.5 : 0)));
  return longer.reduce<number>((sum, one) => sum + one, 0) / longer.length;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const medianOf = (taken: readonly Sample[], isKnown: boolean): number =>
  median(taken.filter((sample) => sample.isKnown === isKnown).map(({ ms }) => ms));

/** All that a client sees of an answer, but for what is new in each. */
const seen = ({ answer: { status, body, headers } }: Sample): string => {
  const names = [...headers.keys()].filter((name) => name !== "date").sort();
  const { requestId: _requestId, ...rest } = body;
  return JSON.stringify([status, rest, names, headers.get("content-length")]);
};

const post = (path: string, rest: object) => (email: string) => hub.rest.post(path, { body: { email, ...rest } });

it.each([
  ["log-in", post("/auth/login", { password: "not this one" }), true],
  ["a password forgotten", post("/auth/password/forgot", {}), true],
  // that an address is taken must be said, as there is no mail to tell; but a free one takes no less work to refuse
  ["registration", post("/auth/register", { password, name: "Ann" }), false],
] as const)("%s takes as long for an e-mail with an account as for one without", async (_what, ask, sameAnswer) => {
  let taken: Sample[] = [];
  let longer = NaN;
  let ratio = NaN;
  // a difference shows each time, a disturbance does not
  for (let attempt = 0; attempt < 3; attempt += 1) {
    taken = await interleaved(ask);
    longer = probabilityOfLonger(taken);
    ratio = medianOf(taken, true) / medianOf(taken, false);
    if (sameAnswer) expect(new Set(taken.map(seen)).size).toBe(1);
    if (longer > 0.2 && longer < 0.8 && ratio > 0.5 && ratio < 2) break;
  }
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2);
  if (!sameAnswer) return;
  expect(longer).toBeGreaterThan(0.2);
  expect(longer).toBeLessThan(0.8);
});
