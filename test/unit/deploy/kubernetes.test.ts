import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadAll } from "js-yaml";
import ts from "typescript";
import { readConfig } from "../../../config.ts";
import { serviceNames } from "../../../contracts/bus.ts";
import { nodePaths } from "../../../lib/metrics-server.ts";
import { stopWithinMs } from "../../../scripts/run-node.ts";
import { pageOperations } from "../../../services/gateway/openapi-pages.ts";
import { render, type Manifest } from "../../support/kustomize.ts";

interface Port {
  name: string;
  containerPort: number;
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface Container {
  image: string;
  command?: string[];
  ports?: Port[];
  env: {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: { name: string; key: string; optional?: true } };
  }[];
  envFrom: { configMapRef: { name: string } }[];
  lifecycle?: { preStop: { exec: { command: string[] } } };
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  resources: { requests?: object; limits?: object };
  securityContext: object;
}
interface PodSpec {
  terminationGracePeriodSeconds: number;
  containers: [Container];
}
type Workload = Manifest & {
  spec: { template: { metadata: { annotations?: Record<string, string> }; spec: PodSpec } };
};

const root = resolve(import.meta.dirname, "../../..");
const folder = resolve(root, "deploy/kubernetes");
const overlays = readdirSync(join(folder, "overlays")).map((name) => `overlays/${name}`);

/** Where the types of each kind are. */
const moduleOf: Record<string, string> = {
  ConfigMap: "v1",
  Service: "v1",
  ServiceAccount: "v1",
  Deployment: "apps/v1",
  Job: "batch/v1",
  PodDisruptionBudget: "policy/v1",
  HorizontalPodAutoscaler: "autoscaling/v2",
  NetworkPolicy: "networking.k8s.io/v1",
  Ingress: "networking.k8s.io/v1",
};

/** Against the types that are generated from the API's own description; unknown and missing fields are errors. */
function problemsIn(manifests: readonly Manifest[]): string[] {
  const file = resolve(root, "test/unit/deploy/manifests.generated.ts");
  const source = manifests
    .map((manifest, i) => {
      const { kind } = manifest;
      const from = `kubernetes-models/${moduleOf[kind] ?? "none"}`;
      return `import type { I${kind} as T${i} } from ${JSON.stringify(from)};\nexport const v${i}: T${i} = ${JSON.stringify(manifest)};`;
    })
    .join("\n");
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  };
  const real = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...real,
    fileExists: (name) => name === file || real.fileExists(name),
    readFile: (name) => (name === file ? source : real.readFile(name)),
    getSourceFile: (name, target, ...rest) =>
      name === file ? ts.createSourceFile(name, source, target) : real.getSourceFile(name, target, ...rest),
  };
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ").split("\n").at(-1) ?? "");
}

const ofKind = <T extends Manifest>(manifests: readonly Manifest[], kind: string): T[] =>
  manifests.filter((one) => one.kind === kind) as T[];

describe.each(["base", ...overlays])("the Kubernetes manifests of %s", (name) => {
  const manifests = render(join(folder, name));
  const deployments = ofKind<Workload>(manifests, "Deployment");
  const workloads = [...deployments, ...ofKind<Workload>(manifests, "Job")];
  const settingsOf = (workload: Workload): Record<string, string> =>
    Object.assign(
      {},
      ...containerOf(workload).envFrom.map(({ configMapRef }) => {
        const map = ofKind(manifests, "ConfigMap").find(({ metadata }) => metadata.name === configMapRef.name);
        if (!map) throw new Error(`${workload.metadata.name} refers to ${configMapRef.name}, which is not there`);
        return map.data as object;
      }),
    ) as Record<string, string>;
  const containerOf = ({ spec }: Workload): Container => spec.template.spec.containers[0];

  /** The environment of a pod, with secrets of the form that each has. */
  const environmentOf = (workload: Workload): Record<string, string> => ({
    ...settingsOf(workload),
    ...Object.fromEntries(containerOf(workload).env.map(({ name: key, value }) => [key, value ?? secrets[key] ?? ""])),
  });

  it("are valid, and have no field that Kubernetes does not know", () => {
    expect(problemsIn(manifests)).toEqual([]);
  }, 60_000);

  it("are what kustomize makes of them", () => {
    const rendered = kustomized(join(folder, name));
    if (rendered === null) return;
    const identify = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name.replace(/-[a-z0-9]{10}$/, "")}`;
    expect(rendered.map(identify).sort()).toEqual(manifests.map(identify).sort());
    const specs = (all: readonly Manifest[]) =>
      ofKind<Workload>(all, "HorizontalPodAutoscaler").map(({ metadata, spec }) => [metadata.name, spec]);
    expect(specs(rendered)).toEqual(specs(manifests));
    const images = (all: readonly Manifest[]) =>
      ofKind<Workload>(all, "Deployment").map((one) => containerOf(one).image);
    expect(images(rendered)).toEqual(images(manifests));
  });

  it.each(workloads.map((one) => [one.metadata.name, one] as const))(
    "give %s settings that it starts with",
    (_, one) => {
      const environment = environmentOf(one);
      const asked = new Set<string>();
      const env = new Proxy(environment, {
        get(target, key: string) {
          asked.add(key);
          return target[key];
        },
      });

      const config = readConfig(env, { joinsOnly: one.kind === "Job" });

      expect(Object.keys(environment).filter((key) => !asked.has(key))).toEqual([]);
      expect(config).toMatchObject({ production: true, host: "0.0.0.0", trustedProxies: 1 });
      for (const { valueFrom } of containerOf(one).env) {
        if (valueFrom?.secretKeyRef) expect(valueFrom.secretKeyRef.name).toBe("hub-secrets");
      }
    },
  );

  it("hold no secret", () => {
    const text = JSON.stringify(manifests);
    expect(ofKind(manifests, "Secret")).toEqual([]);
    for (const key of Object.keys(secrets)) expect(text).not.toContain(`"${key}","value"`);
    expect(text).not.toMatch(/:\/\/[^/"]*:[^/"@]*@/);
  });

  it("run every service once", () => {
    const run = deployments.flatMap((one) => readConfig(environmentOf(one)).services);
    expect(run.toSorted()).toEqual([...serviceNames].sort());
  });

  it.each(deployments.map((one) => [one.metadata.name, one] as const))("ask %s where it answers", (component, one) => {
    const container = containerOf(one);
    const config = readConfig(environmentOf(one));
    const listens = Object.fromEntries(
      (container.ports ?? []).map(({ name: port, containerPort }) => [port, containerPort]),
    );
    expect(listens).toEqual({
      ...(config.services.includes("gateway") ? { http: config.port } : {}),
      metrics: config.metrics?.port,
    });
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      const answered: readonly string[] = httpGet.port === "http" ? pageOperations.map(({ path }) => path) : nodePaths;
      expect(Object.keys(listens)).toContain(httpGet.port);
      expect(answered).toContain(httpGet.path);
    }
    const { annotations = {} } = one.spec.template.metadata;
    expect(annotations["prometheus.io/port"]).toBe(String(config.metrics?.port));
    expect(nodePaths).toContain(annotations["prometheus.io/path"]);
    for (const kind of ["PodDisruptionBudget", "HorizontalPodAutoscaler"]) {
      expect(ofKind(manifests, kind).map(({ metadata }) => metadata.name)).toContain(component);
    }
  });

  it.each(deployments.map((one) => [one.metadata.name, one] as const))("let %s finish what it began", (_, one) => {
    const { terminationGracePeriodSeconds: grace, containers } = one.spec.template.spec;
    const [command, seconds] = containers[0].lifecycle?.preStop.exec.command ?? [];
    expect(command).toBe("sleep");
    expect(grace).toBeGreaterThan(Number(seconds) + stopWithinMs / 1_000);
    expect(containers[0].resources).toMatchObject({ requests: { cpu: expect.anything() as string } });
    expect(containers[0].securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  });

  it("let nothing through but named ports", () => {
    const ports = new Set(Object.values(listeningPorts(deployments)));
    const policies = ofKind<Manifest & { spec: { ingress?: { ports: { port: string }[] }[] } }>(
      manifests,
      "NetworkPolicy",
    );
    expect(policies.map(({ metadata }) => metadata.name)).toContain("hub-default-deny");
    for (const { spec } of policies) {
      for (const { port } of (spec.ingress ?? []).flatMap((rule) => rule.ports)) expect(ports).toContain(port);
    }
  });
});

it("autoscaling asks for a metric that nodes report", () => {
  const names = new Set(
    render(join(folder, "base"))
      .flatMap((one) => JSON.stringify(one).match(/"metric":\{"name":"(\w+)"/g) ?? [])
      .map((match) => /"(\w+)"$/.exec(match)?.[1]),
  );
  const adapter = readFileSync(join(folder, "prometheus-adapter.yaml"), "utf8");
  const metrics = readFileSync(resolve(root, "lib/metrics.ts"), "utf8");

  expect([...names]).toEqual(["hub_queue_messages"]);
  for (const name of names) {
    expect(adapter).toContain(`as: ${name}`);
    expect(metrics).toContain(`${name}:`);
  }
});

it("a manifest with a slip is found", () => {
  const [deployment] = ofKind<Workload>(render(join(folder, "base")), "Deployment");
  if (!deployment) throw new Error("there is no deployment");
  const slip = structuredClone(deployment) as unknown as { spec: Record<string, unknown> };
  slip.spec.replcas = 2;

  expect(problemsIn([slip as unknown as Manifest]).join()).toContain(`'"replcas"' does not exist`);
}, 60_000);

const listeningPorts = (deployments: readonly Workload[]): Record<string, string> =>
  Object.fromEntries(
    deployments.flatMap(({ spec }) => (spec.template.spec.containers[0].ports ?? []).map(({ name }) => [name, name])),
  );

/** Null where there is no kubectl. */
function kustomized(path: string): Manifest[] | null {
  try {
    const text = execFileSync("kubectl", ["kustomize", path], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    return loadAll(text) as Manifest[];
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw error;
  }
}

const secrets: Record<string, string> = {
  DATABASE_URL: "mysql://hub_{service}:wrG5nGBdmyyV@mysql:3306",
  TRANSPORTER: "nats://hub:wrG5nGBdmyyV@nats:4222",
  AMQP_URL: "amqp://hub:wrG5nGBdmyyV@rabbitmq:5672",
  REDIS_URL: "redis://:wrG5nGBdmyyV@redis:6379",
  SECRET_KEY: "x7".repeat(20),
  ADMIN_EMAIL: "boss@shop.test",
  ADMIN_PASSWORD: "wrG5nGBdmyyV",
  SMTP_URL: "smtp://mail:587",
  STRIPE_SECRET_KEY: "sk_live_0123456789abcdef",
  STRIPE_WEBHOOK_SECRET: "whsec_0123456789abcdef",
};
