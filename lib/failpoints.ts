// Places where a process can be made to fail on purpose, so that a test can show what is left behind and that it heals.

/** Every failpoint, and what is true when it is reached. */
export const failpoints = {
  "place.after-reserve": "The stock is held, and there is no order yet.",
  "place.before-commit": "The order, its event and its answer are written, and not committed.",
  "place.after-commit": "The order is committed, and its customer has no answer.",
  "payment.after-row": "The payment is committed, and the provider has not been called.",
  "payment.after-answer": "The provider has answered a charge, and its answer is not stored.",
  "payment.after-settle": "The payment is settled in payments, and the order does not know.",
  "webhook.after-commit": "A provider's message is committed, and the provider has no answer.",
  "webhook.before-commit": "What a provider's message says is applied, and not committed.",
  "refund.after-row": "The refund is committed in payments, and the provider has not been called.",
  "refund.after-answer": "The provider has returned the money, and payments has not booked it.",
  "refund.before-count": "The money is returned and booked, and the order has not counted it.",
  "cancel.after-commit": "The order is cancelled, and its stock is still held.",
  "expire.after-commit": "Orders have expired, and their stock is still held.",
  "relay.after-claim": "Outbox rows are locked by a relay, and not sent.",
  "relay.after-confirm": "Outbox rows are with their receivers, and not marked as published.",
  "consume.after-commit": "Events are committed to an inbox, and their sender has no acknowledgement.",
  "notify.after-commit": "Notifications are committed, and nobody was woken to send them.",
  "notify.after-send": "The mail server has taken a message, and it is not marked as sent.",
  "refresh.after-rotation": "A refresh token is used up, and its owner has no successor.",
  "register.after-user": "The account is there, and no session of it.",
} as const satisfies Record<string, string>;

export type FailpointName = keyof typeof failpoints;

/** `kill` ends the process as SIGKILL does, `throw` throws there, `delay` waits. */
export type FailpointAction = { kind: "kill" } | { kind: "throw" } | { kind: "delay"; ms: number };

/** Fails once in a process: when `name` is reached for the `nth` time. */
export interface Failpoint {
  name: FailpointName;
  nth: number;
  action: FailpointAction;
}

type Hit = (name: FailpointName) => Promise<void>;

let hit: Hit | null = null;

/** Nothing, unless the process was started with FAILPOINTS. */
export const reach = (name: FailpointName): Promise<void> | undefined => hit?.(name);

/** From now on `reach` calls this. */
export function onReach(act: Hit): void {
  hit = act;
}

const mostNth = 1_000_000;
const mostDelayMs = 60_000;

/** Reads `place.after-reserve=kill@1,relay.after-confirm=delay:500@2`; says of each part what is wrong with it. */
export function parseFailpoints(text: string): { points: Failpoint[]; problems: string[] } {
  const points: Failpoint[] = [];
  const problems: string[] = [];
  for (const part of text.split(",").map((one) => one.trim())) {
    const [, name = "", kind = "", nth = ""] = /^([^=]*)=([^@]*)@(.*)$/.exec(part) ?? [];
    const action = actionOf(kind);
    if (name === "") problems.push(`has "${part}", but must be like place.after-reserve=kill@1`);
    else if (!isName(name)) problems.push(`names "${name}", but knows ${Object.keys(failpoints).join(", ")}`);
    else if (!action)
      problems.push(`has ${name} do "${kind}", but knows kill, throw and delay:<0 to ${mostDelayMs} ms>`);
    else if (!isCount(nth)) problems.push(`has ${name} at "${nth}", but must be a whole number from 1 to ${mostNth}`);
    else if (points.some((point) => point.name === name && point.nth === Number(nth)))
      problems.push(`has two actions for ${name} at ${nth}`);
    else points.push({ name, nth: Number(nth), action });
  }
  return { points, problems };
}

const isName = (name: string): name is FailpointName => Object.hasOwn(failpoints, name);

const isCount = (nth: string): boolean => /^[1-9]\d{0,6}$/.test(nth) && Number(nth) <= mostNth;

function actionOf(text: string): FailpointAction | null {
  if (text === "kill" || text === "throw") return { kind: text };
  const ms = /^delay:(\d{1,5})$/.exec(text)?.[1];
  return ms !== undefined && Number(ms) <= mostDelayMs ? { kind: "delay", ms: Number(ms) } : null;
}
