import type { OpsActions } from "../../../../contracts/ops.ts";
import type { DeadLetter, LiveView } from "../../../../contracts/ops.ts";
import { get, type Page } from "../../lib/api.ts";
import { number } from "../../lib/i18n.ts";
import { useLoaded } from "../../lib/loading.ts";
import { Heading, Waiting, When } from "../../ui/bits.tsx";
import { Notice } from "../../ui/notice.tsx";
import { ms, percent } from "../figures.ts";
import { Plot } from "../plot.tsx";
import { t } from "../words.ts";

type Outbox = OpsActions["ops.outbox"]["result"];

const shownSeconds = 60;

/** A single second says little of what is usual now. */
const recentSeconds = 5;

export function Overview() {
  const live = useLoaded((signal) => get<LiveView>("/ops/live", {}, signal), [], { everyMs: 2_000 });
  const outbox = useLoaded((signal) => get<Outbox>("/ops/outbox", {}, signal), [], { everyMs: 5_000 });
  const dead = useLoaded((signal) => get<Page<DeadLetter>>("/ops/dead-letters", { limit: 100 }, signal), [], {
    everyMs: 5_000,
  });
  const waiting = outbox.value?.items.reduce((sum, { rows }) => sum + rows, 0);
  const letters = dead.value?.items.length;
  return (
    <>
      <Heading title={t("nav.overview")} />
      <Waiting of={live}>
        {(view) => (
          <>
            <Tiles
              view={view}
              waiting={waiting === undefined ? "–" : number(waiting)}
              letters={letters === undefined ? "–" : `${number(letters)}${dead.value?.nextCursor ? "+" : ""}`}
              isIll={(letters ?? 0) > 0}
            />
            <Plots view={view} />
            {view.silent.length > 0 && (
              <Notice kind="bad">{t("overview.silent", { nodes: view.silent.join(", ") })}</Notice>
            )}
            <ByAction view={view} />
          </>
        )}
      </Waiting>
      <Waiting of={outbox}>{(state) => <Queues state={state} />}</Waiting>
    </>
  );
}

interface TilesProps {
  view: LiveView;
  waiting: string;
  letters: string;
  isIll: boolean;
}

function Tiles({ view: { at, seconds }, waiting, letters, isIll }: TilesProps) {
  const recent = seconds.filter((second) => Date.parse(at) - Date.parse(second.at) <= (recentSeconds + 1) * 1000);
  const total = recent.reduce((sum, { ok, refused, failed }) => sum + ok + refused + failed, 0);
  const failed = recent.reduce((sum, second) => sum + second.failed, 0);
  return (
    <dl class="tiles">
      <div class="card">
        <dt>{t("overview.perSecond")}</dt>
        <dd>{number(Math.round(total / recentSeconds))}</dd>
      </div>
      <div class="card">
        <dt>{t("overview.p99")}</dt>
        <dd>{ms(recent.at(-1)?.p99Ms ?? null)}</dd>
      </div>
      <div class={`card ${failed > 0 ? "ill" : ""}`}>
        <dt>{t("overview.failedShare")}</dt>
        <dd>{percent(total === 0 ? 0 : failed / total)}</dd>
      </div>
      <div class="card">
        <dt>{t("overview.waiting")}</dt>
        <dd>{waiting}</dd>
      </div>
      <div class={`card ${isIll ? "ill" : ""}`}>
        <dt>{t("overview.dead")}</dt>
        <dd>
          <a href="/console/dead-letters">{letters}</a>
        </dd>
      </div>
    </dl>
  );
}

function Plots({ view: { at, seconds } }: { view: LiveView }) {
  // every second has its place, also one without requests
  const last = Math.floor(Date.parse(at) / 1000) - 1;
  const bySecond = new Map(seconds.map((second) => [Date.parse(second.at) / 1000, second]));
  const places = Array.from({ length: shownSeconds }, (_, i) => bySecond.get(last - shownSeconds + 1 + i));
  const count = (value: number): string => number(value, { maximumFractionDigits: 0 });
  return (
    <div class="plots">
      <Plot
        title={t("overview.requests")}
        format={count}
        lines={[{ name: t("overview.ok"), tone: "ok", values: places.map((second) => second?.ok ?? 0) }]}
      />
      <Plot
        title={t("overview.latency")}
        format={ms}
        lines={[
          { name: t("overview.p50"), tone: "soft", values: places.map((second) => second?.p50Ms ?? null) },
          { name: t("overview.p99"), tone: "ok", values: places.map((second) => second?.p99Ms ?? null) },
        ]}
      />
      <Plot
        title={t("overview.errors")}
        format={count}
        lines={[
          { name: t("overview.refused"), tone: "refused", values: places.map((second) => second?.refused ?? 0) },
          { name: t("overview.failed"), tone: "failed", values: places.map((second) => second?.failed ?? 0) },
        ]}
      />
    </div>
  );
}

function ByAction({ view: { actions } }: { view: LiveView }) {
  return (
    <section class="card" aria-labelledby="by-action">
      <h2 id="by-action">{t("overview.actions")}</h2>
      {actions.length === 0 ? (
        <p class="faint">{t("overview.none")}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-labelledby="by-action">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{t("overview.action")}</th>
                <th class="number">{t("overview.perSecond")}</th>
                <th class="number">{t("overview.p50")}</th>
                <th class="number">{t("overview.p99")}</th>
                <th class="number">{t("overview.refusedShare")}</th>
                <th class="number">{t("overview.failedShare")}</th>
              </tr>
            </thead>
            <tbody>
              {actions.map(({ action, perSecond, p50Ms, p99Ms, refusedShare, failedShare }) => (
                <tr key={action}>
                  <th scope="row">
                    <code>{action}</code>
                  </th>
                  <td class="number">{number(perSecond, { maximumFractionDigits: 1 })}</td>
                  <td class="number">{ms(p50Ms)}</td>
                  <td class="number">{ms(p99Ms)}</td>
                  <td class="number">{percent(refusedShare)}</td>
                  <td class={`number ${failedShare > 0 ? "wrong" : ""}`}>{percent(failedShare)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Queues({ state: { items, queues, queuesProblem } }: { state: Outbox }) {
  const rows = [
    ...items.map(({ service, rows: waiting, oldestAt, oldest }) => ({
      name: `${service} outbox`,
      waiting,
      oldestAt,
      why: oldest[0]?.lastError ?? null,
    })),
    ...(queues ?? []).map(({ name, messages }) => ({ name, waiting: messages, oldestAt: null, why: null })),
  ];
  return (
    <section class="card" aria-labelledby="queues">
      <h2 id="queues">{t("overview.queues")}</h2>
      {queuesProblem !== null && <Notice kind="bad">{t("overview.queuesProblem", { why: queuesProblem })}</Notice>}
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="queues">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{t("overview.queue")}</th>
              <th class="number">{t("overview.messages")}</th>
              <th scope="col">{t("overview.oldest")}</th>
              <th scope="col">{t("overview.lastError")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, waiting, oldestAt, why }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td class="number">{number(waiting)}</td>
                <td>{oldestAt === null ? "–" : <When at={oldestAt} />}</td>
                <td>{why ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
