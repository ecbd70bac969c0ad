import { posix } from "node:path";
import type { Mount } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/inference.ts";
import { flagIn, listIn, mapIn, textIn } from "../json-fields.ts";
import { amountOf } from "./quantity.ts";

export interface VolumePlaces {
  readonly namespace: string;
  /** Folders that stand for persistent volume claims, by the claims' names. */
  readonly claims: ReadonlyMap<string, string>;
}

/** Names of the claims that a container mounts. */
export function claimsIn(container: JsonObject, volumes: readonly JsonValue[]): string[] {
  const mounted = new Set(listIn(container, "volumeMounts").map((mount) => textIn(mount, "name")));
  const claims = volumes
    .filter((volume) => mounted.has(textIn(volume, "name")))
    .flatMap((volume) => textIn(mapIn(volume, "persistentVolumeClaim"), "claimName") ?? []);
  return [...new Set(claims)];
}

/**
 * What a container mounts of its pod's volumes. Volumes that nothing mounts are not looked at.
 * @throws ServeError FAILED_PRECONDITION for a volume that there is not, or of a kind that only a cluster has
 */
export function readMounts(container: JsonObject, volumes: readonly JsonValue[], places: VolumePlaces): Mount[] {
  const paths = new Map<string, string>();
  return listIn(container, "volumeMounts").map((mount): Mount => {
    const name = textIn(mount, "name") ?? "";
    const path = posix.resolve("/", textIn(mount, "mountPath") ?? "");
    const volume = volumes.find((each) => textIn(each, "name") === name);
    if (volume === undefined) throw noVolume(name, path, volumes);
    const source = within(sourceOf(volume, name, path, places), textIn(mount, "subPath") ?? "", name);
    const before = paths.get(name);
    if (source.kind === "empty" && before !== undefined)
      throw wrong(`the volume ${name} is an emptyDir and mounted at ${before} and ${path}; mount it once`);
    paths.set(name, path);
    const isClaim = flagIn(mapIn(volume, "persistentVolumeClaim"), "readOnly");
    return { path, readOnly: source.kind === "object" || isClaim || flagIn(mount, "readOnly"), source };
  });
}

function sourceOf(volume: JsonValue, name: string, path: string, places: VolumePlaces): Mount["source"] {
  const [empty, host, claim] = [mapIn(volume, "emptyDir"), mapIn(volume, "hostPath"), mapIn(volume, "persistentVolumeClaim")];
  if (empty !== undefined) {
    const sizeLimit = amountOf(empty.sizeLimit);
    return { kind: "empty", sizeLimit: sizeLimit === 0 ? undefined : sizeLimit, inMemory: textIn(empty, "medium") === "Memory" };
  }
  if (host !== undefined) return { kind: "folder", path: absolute(textIn(host, "path") ?? "", name) };
  if (claim !== undefined) {
    const folder = places.claims.get(textIn(claim, "claimName") ?? "");
    if (folder !== undefined) return { kind: "folder", path: folder };
  }
  const projected = listIn(mapIn(volume, "projected"), "sources");
  if (projected.length > 1) throw wrong(`the volume ${name} projects ${projected.length} sources; make a volume of each of them`);
  const object = objectOf(projected[0] ?? volume, name, places.namespace);
  if (object !== undefined) return object;
  const kind = Object.keys(volume as JsonObject).find((key) => key !== "name") ?? "no kind";
  const known = "emptyDir, hostPath, configMap, secret, and persistentVolumeClaim with the server's setting volumes";
  throw wrong(`the volume ${name}, mounted at ${path}, is of the kind ${kind}, which this server has not; expected ${known}`);
}

function objectOf(volume: JsonValue, name: string, namespace: string): Mount["source"] | undefined {
  const [configMap, secret] = [mapIn(volume, "configMap"), mapIn(volume, "secret")];
  const of = configMap ?? secret;
  if (of === undefined) return undefined;
  // A volume has secretName where a projection has name.
  const object = textIn(of, "name") ?? textIn(of, "secretName") ?? "";
  const kind = configMap === undefined ? "secret" : "configMap";
  if (object === "") throw wrong(`the volume ${name} names no ${kind}; give the name of one`);
  const items = listIn(of, "items").map((item) => [textIn(item, "key") ?? "", relativePath(textIn(item, "path") ?? "", name)] as const);
  return {
    kind: "object",
    of: { kind, namespace, object },
    items: items.length === 0 ? undefined : Object.fromEntries(items),
    optional: flagIn(of, "optional"),
  };
}

function within(source: Mount["source"], subPath: string, name: string): Mount["source"] {
  if (subPath === "") return source;
  const path = relativePath(subPath, name);
  if (source.kind === "folder") return { kind: "folder", path: posix.join(source.path, path) };
  if (source.kind === "empty") return source;
  throw wrong(`the volume ${name} is mounted with the subPath ${subPath}; mount the whole secret or config map, or name its keys in items`);
}

function relativePath(path: string, name: string): string {
  if (!posix.isAbsolute(path) && !path.split("/").includes("..")) return path;
  throw wrong(`the volume ${name} has the path ${path}; expected one below it, without ..`);
}

function absolute(path: string, name: string): string {
  if (posix.isAbsolute(path)) return posix.normalize(path);
  throw wrong(
    `the hostPath of the volume ${name} is ${JSON.stringify(path)}; expected an absolute path, or a relative one in a file that is applied`,
  );
}

function noVolume(name: string, path: string, volumes: readonly JsonValue[]): ServeError {
  const names = volumes.map((volume) => textIn(volume, "name"));
  const has = names.length === 0 ? "there are no volumes" : `there are ${names.join(", ")}`;
  return wrong(`the volume ${name} is to be mounted at ${path}, and there is none of that name: ${has}`);
}

function wrong(text: string): ServeError {
  return new ServeError("FAILED_PRECONDITION", text);
}
