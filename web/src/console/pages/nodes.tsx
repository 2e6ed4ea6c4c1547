import type { LiveView, NodeView } from "../../../../contracts/ops.ts";
import { get } from "../../lib/api.ts";
import { number, relative } from "../../lib/i18n.ts";
import { useLoaded } from "../../lib/loading.ts";
import { Badge, Heading, Waiting } from "../../ui/bits.tsx";
import { ms, percent } from "../figures.ts";
import { t } from "../words.ts";

/** Every service that the system is made of, also one that runs nowhere. */
const serviceNames = ["gateway", "auth", "users", "products", "inventory", "orders", "payments", "notify", "ops"];

interface Seen {
  nodes: NodeView[];
  live: LiveView;
}

export function Nodes() {
  const seen = useLoaded<Seen>(
    async (signal) => {
      const [{ items: nodes }, live] = await Promise.all([
        get<{ items: NodeView[] }>("/ops/nodes", {}, signal),
        get<LiveView>("/ops/live", {}, signal),
      ]);
      return { nodes, live };
    },
    [],
    { everyMs: 2_000 },
  );
  return (
    <>
      <Heading title={t("nav.nodes")} />
      <Waiting of={seen}>
        {({ nodes, live }) => (
          <div class="stack">
            <ul class="cards">
              {nodes.map((node) => (
                <NodeCard key={node.id} node={node} gateway={live.gateways.find((one) => one.node === node.id)} />
              ))}
            </ul>
            <Services nodes={nodes} live={live} />
          </div>
        )}
      </Waiting>
    </>
  );
}

interface NodeCardProps {
  node: NodeView;
  gateway: LiveView["gateways"][number] | undefined;
}

function NodeCard({ node: { id, available, services, cpu, uptimeSeconds, version }, gateway }: NodeCardProps) {
  return (
    <li class="card stack">
      <h2 class="split">
        <code>{id}</code>
        <Badge tone={available ? "good" : "bad"}>{available ? t("nodes.up") : t("nodes.down")}</Badge>
      </h2>
      <dl class="facts">
        <dt>{t("nodes.cpu")}</dt>
        <dd>
          {cpu === null ? (
            "–"
          ) : (
            <span class="gauge">
              <meter min={0} max={100} high={85} value={cpu} aria-label={t("nodes.cpu")} /> {percent(cpu / 100)}
            </span>
          )}
        </dd>
        <dt>{t("nodes.uptime")}</dt>
        <dd>{uptimeSeconds === null ? "–" : relative(new Date(Date.now() - uptimeSeconds * 1000).toISOString())}</dd>
        <dt>{t("nodes.version")}</dt>
        <dd>{version ?? "–"}</dd>
        {gateway && (
          <>
            <dt>{t("nodes.load")}</dt>
            <dd>
              <span class="gauge">
                <meter min={0} max={gateway.most} value={gateway.underWay} aria-label={t("nodes.load")} />{" "}
                {number(gateway.underWay)} / {number(gateway.most)}
              </span>
            </dd>
            <dt>{t("nodes.loop")}</dt>
            <dd>{ms(gateway.loopDelayMs)}</dd>
            <dt>{t("nodes.breakers")}</dt>
            <dd>
              {gateway.openBreakers.length === 0
                ? t("nodes.closed")
                : gateway.openBreakers.map((breaker) => (
                    <span class="wrong block" key={`${breaker.action} ${breaker.node}`}>
                      {t("nodes.open", breaker)}
                    </span>
                  ))}
            </dd>
          </>
        )}
        <dt>{t("nodes.services")}</dt>
        <dd>{services.join(", ")}</dd>
      </dl>
    </li>
  );
}

function Services({ nodes, live }: Seen) {
  return (
    <section class="card" aria-labelledby="services">
      <h2 id="services">{t("nodes.serviceTitle")}</h2>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="services">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{t("nodes.service")}</th>
              <th scope="col">{t("nodes.runsOn")}</th>
              <th class="number">{t("overview.perSecond")}</th>
              <th class="number">{t("overview.p99")}</th>
              <th scope="col">{t("nodes.breakers")}</th>
            </tr>
          </thead>
          <tbody>
            {serviceNames.map((name) => {
              const on = nodes.filter(({ available, services }) => available && services.includes(name));
              const actions = live.actions.filter(({ action }) => action.startsWith(`${name}.`));
              const open = live.gateways.flatMap(({ openBreakers }) =>
                openBreakers.filter(({ action }) => action.startsWith(`${name}.`)),
              );
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    {on.length === 0 ? (
                      <Badge tone="bad">{t("nodes.nowhere")}</Badge>
                    ) : (
                      on.map(({ id }, i) => (
                        <span class="whole" key={id}>
                          {i > 0 && ", "}
                          {id}
                        </span>
                      ))
                    )}
                  </td>
                  <td class="number">
                    {number(
                      actions.reduce((sum, { perSecond }) => sum + perSecond, 0),
                      { maximumFractionDigits: 1 },
                    )}
                  </td>
                  <td class="number">
                    {ms(actions.length === 0 ? null : Math.max(...actions.map(({ p99Ms }) => p99Ms ?? 0)))}
                  </td>
                  <td>
                    {open.length === 0 ? (
                      t("nodes.closed")
                    ) : (
                      <Badge tone="bad">{open.map(({ action }) => action).join(", ")}</Badge>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
