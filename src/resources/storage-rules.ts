import type { JsonObject } from "../core/inference.ts";
import type { FieldPath, Finding } from "./field-path.ts";
import { listIn, textIn } from "./json-fields.ts";

const DEFAULT_MOUNT_PATH = "/mnt/models";

/** What KServe asks of storageUris: no storageUri beside it, and places to mount that go together. */
export function storageUriFindings(component: JsonObject, parent: FieldPath, storageUri: string | undefined): Finding[] {
  const entries = listIn(component, "storageUris").map((entry, index) => ({
    path: [...parent, "storageUris", index, "mountPath"],
    claim: textIn(entry, "uri")?.startsWith("pvc://") === true,
    mountPath: textIn(entry, "mountPath") ?? DEFAULT_MOUNT_PATH,
  }));
  if (entries.length === 0) return [];
  const findings: Finding[] = [];
  if (storageUri !== undefined)
    findings.push({ path: [...parent, "storageUris"], message: "cannot be given beside storageUri; keep one of them" });
  const claims = entries.filter(({ claim }) => claim).map(({ mountPath }) => mountPath);
  const others = entries.filter(({ claim }) => !claim);
  for (const { path, claim, mountPath } of entries) {
    if (claim && claims.indexOf(mountPath) !== claims.lastIndexOf(mountPath))
      findings.push({ path, message: `another volume claim is mounted at ${mountPath}; give each a place of its own` });
  }
  const [first] = others;
  for (const { path, mountPath } of others.slice(1)) {
    if (first !== undefined && topOf(mountPath) !== topOf(first.mountPath))
      findings.push({ path, message: `expected a path below ${topOf(first.mountPath)} like the others, found ${mountPath}` });
  }
  return findings;
}

/** `/mnt` of `/mnt/models`. */
function topOf(path: string): string {
  return `/${path.split("/")[1] ?? ""}`;
}
