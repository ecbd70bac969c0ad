import { messageOf } from "../core/errors.ts";
import type { Rejection } from "../core/model.ts";
import type { ResourceKey, ResourceKind } from "../core/resource.ts";
import { type Manifest, readManifests } from "../resources/index.ts";
import type { ResourceTable } from "./resource-table.ts";

/** What needs something of another kind comes after it. */
const ORDER: readonly (readonly ResourceKind[])[] = [["ServingRuntime", "ClusterServingRuntime"], ["InferenceService"], ["TrainedModel"]];

/**
 * Applies the resources of some files, runtimes before the services that may want them; those that are wrong keep no other
 * from being applied.
 * @param appliedFrom absolute path that they belong to
 * @returns what was not applied, and why
 */
export async function applyManifests(table: ResourceTable, files: readonly string[], appliedFrom: string): Promise<Rejection[]> {
  const { manifests, problems } = await readManifests(files, appliedFrom);
  const rejections = problems.map(({ place, message }): Rejection => ({ path: place, reason: message }));
  for (const kinds of ORDER) {
    const group = manifests.filter(({ document }) => kinds.includes(document.kind));
    await Promise.all(
      group.map(async ({ document, file, line }) => {
        try {
          await put(table, document);
        } catch (error) {
          rejections.push({ path: `${file}:${line}`, reason: messageOf(error) });
        }
      }),
    );
  }
  return rejections;
}

async function put(table: ResourceTable, document: Manifest["document"]): Promise<void> {
  const { kind, metadata } = document;
  const key: ResourceKey = { kind, namespace: metadata.namespace, name: metadata.name };
  const isApplied = table.originOf(key) === "applied";
  if (isApplied) await table.replace(key, () => document);
  else await table.create(key, document);
}
