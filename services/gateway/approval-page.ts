import type { IncomingMessage, ServerResponse } from "node:http";
import type { Actions, Bus } from "../../contracts/bus.ts";
import { notFound } from "../../lib/errors.ts";
import { formatMoney } from "../../lib/money.ts";
import { invalid, parseJson, readBody, requireType } from "./body.ts";
import { markup, page, type Html } from "./html.ts";
import { send, sendJson } from "./respond.ts";

// The page of the sandbox provider where a person approves or declines a payment. Who has the reference may decide, as
// with the pages of real providers.

type Approval = NonNullable<Actions["payments.approvalPage"]["result"]>;

const maxFormBytes = 10 * 1024;
const maxRefLength = 64;

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
.amount { font-size: 2rem; font-weight: 600; margin: 1rem 0; }
form { display: flex; gap: .75rem; }
button, .button { font: inherit; display: inline-block; text-decoration: none; padding: .6rem 1.2rem; border: 1px solid #1a5fb4; border-radius: .4rem; cursor: pointer; background: #1a5fb4; color: #fff; }
button[value=decline] { background: #fff; color: #1a5fb4; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #1a1a1a; } }
`;

export async function showApproval(bus: Bus, ref: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const approval = ref.length > maxRefLength ? null : await bus.call("payments.approvalPage", { providerRef: ref });
  if (wantsJson(req)) {
    if (!approval) throw notFound("payment");
    sendJson(res, 200, approval);
    return;
  }
  if (approval) sendPage(res, 200, "Approve this payment", approvalForm(approval));
  else sendUnknown(res);
}

interface Deciding {
  bus: Bus;
  /** Where the person goes from here. */
  returnUrl: string;
}

export async function decideApproval(
  { bus, returnUrl }: Deciding,
  ref: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const decision = await readDecision(req);
  if (ref.length > maxRefLength) throw notFound("payment");
  if (wantsJson(req)) {
    sendJson(res, 200, await bus.call("payments.approve", { providerRef: ref, decision }));
    return;
  }
  const approval = await bus.call("payments.approvalPage", { providerRef: ref });
  if (!approval) {
    sendUnknown(res);
    return;
  }
  const { status } = await bus.call("payments.approve", { providerRef: ref, decision });
  sendPage(res, 200, "Thank you", outcome(approval, status, returnUrl));
}

async function readDecision(req: IncomingMessage): Promise<"approve" | "decline"> {
  const decision = await readField(req, "decision");
  if (decision === "approve" || decision === "decline") return decision;
  throw invalid("decision", "NOT_ALLOWED", "must be approve or decline");
}

async function readField(req: IncomingMessage, name: string): Promise<unknown> {
  if (/^application\/json\b/i.test(req.headers["content-type"] ?? "")) {
    requireType(req, "application/json");
    return parseJson(await readBody(req, maxFormBytes))[name];
  }
  requireType(req, "application/x-www-form-urlencoded");
  return new URLSearchParams((await readBody(req, maxFormBytes)).toString()).get(name);
}

const wantsJson = ({ headers }: IncomingMessage): boolean => /\bapplication\/json\b/i.test(headers.accept ?? "");

const amountOf = ({ amountCents, currency }: Approval): Html =>
  markup`<p class="amount">${formatMoney(amountCents, currency, "en")}</p>`;

function approvalForm(approval: Approval): Html {
  const { providerRef, status } = approval;
  const body =
    status === "pending"
      ? markup`<form method="post">
          <button name="decision" value="approve">Approve</button>
          <button name="decision" value="decline">Decline</button>
        </form>`
      : markup`<p>This payment was decided already: ${status}.</p>`;
  return markup`<h1>Sandbox payment</h1>
    <p>No money moves here. Reference ${providerRef}</p>
    ${amountOf(approval)} ${body}`;
}

const outcome = (approval: Approval, status: string, returnUrl: string): Html =>
  markup`<h1>Thank you</h1>
    ${amountOf(approval)}
    <p>The payment is now: ${status}.</p>
    <p><a class="button" href="${returnUrl}">Back to the shop</a></p>`;

function sendUnknown(res: ServerResponse): void {
  sendPage(
    res,
    404,
    "No such payment",
    markup`<h1>No such payment</h1>
      <p>Nothing waits for a decision here.</p>`,
  );
}

function sendPage(res: ServerResponse, status: number, title: string, body: Html): void {
  const { text, contentPolicy } = page(title, style, body);
  res.setHeader("Content-Security-Policy", contentPolicy);
  send(res, status, "text/html; charset=utf-8", text);
}
