import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseEnv } from "node:util";
import { loadAll } from "js-yaml";

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

interface Operation {
  op: "add" | "replace";
  path: string;
  value: unknown;
}

interface Kustomization {
  resources: string[];
  images?: { name: string; newName: string; newTag: string }[];
  configMapGenerator?: { name: string; behavior?: "merge"; envs?: string[]; literals?: string[] }[];
  patches?: { target: { kind: string; name: string }; patch: string }[];
}

const known = ["apiVersion", "kind", "namespace", "labels", "resources", "images", "configMapGenerator", "patches"];

/** As much of kustomize as our manifests use, for machines without kubectl; namespaces, labels and hashes are left out. */
export function render(folder: string): Manifest[] {
  const file = resolve(folder, "kustomization.yaml");
  const [kustomization] = documentsOf(file) as unknown as Kustomization[];
  if (!kustomization) throw new Error(`${file} is empty`);
  for (const field of Object.keys(kustomization)) if (!known.includes(field)) throw new Error(`${file} has ${field}`);
  const manifests = kustomization.resources.flatMap((name) => {
    const path = resolve(folder, name);
    return name.endsWith(".yaml") ? documentsOf(path) : render(path);
  });
  for (const generator of kustomization.configMapGenerator ?? []) generate(manifests, generator, dirname(file));
  for (const { target, patch } of kustomization.patches ?? []) {
    const manifest = manifests.find(({ kind, metadata }) => kind === target.kind && metadata.name === target.name);
    if (!manifest) throw new Error(`${file} patches ${target.kind} ${target.name}, which is not there`);
    for (const operation of loadAll(patch).flat() as Operation[]) apply(manifest, operation);
  }
  return manifests.map((manifest) => withImages(manifest, kustomization.images ?? []));
}

const documentsOf = (file: string): Manifest[] => loadAll(readFileSync(file, "utf8")) as Manifest[];

function generate(
  manifests: Manifest[],
  { name, behavior, envs = [], literals = [] }: NonNullable<Kustomization["configMapGenerator"]>[number],
  folder: string,
): void {
  const texts = [...envs.map((env) => readFileSync(resolve(folder, env), "utf8")), literals.join("\n")];
  const data = Object.assign({}, ...texts.map((text) => parseEnv(text))) as Record<string, string>;
  const there = manifests.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === name);
  if ((behavior === "merge") !== (there !== undefined)) throw new Error(`ConfigMap ${name} cannot be made like this`);
  if (there) Object.assign(there.data as object, data);
  else manifests.push({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
}

function apply(manifest: Manifest, { op, path, value }: Operation): void {
  const names = path.split("/").slice(1);
  const last = names.pop() ?? "";
  let at = manifest as Record<string, unknown>;
  for (const name of names) at = at[name] as Record<string, unknown>;
  if (op === "replace" && !(last in at)) throw new Error(`${manifest.metadata.name} has no ${path} to replace`);
  at[last] = value;
}

function withImages(manifest: Manifest, images: NonNullable<Kustomization["images"]>): Manifest {
  return JSON.parse(
    JSON.stringify(manifest, (field, value: unknown) => {
      const image = field === "image" ? images.find(({ name }) => name === value) : undefined;
      return image ? `${image.newName}:${image.newTag}` : value;
    }),
  ) as Manifest;
}
