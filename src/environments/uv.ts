import { createHash, randomUUID } from "node:crypto";
import { access, chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { ServeError } from "../core/errors.ts";
import { listFiles } from "./package-index.ts";
import { run } from "./run.ts";

const VERSION = "0.13.8";

/** Wheels of the pinned version by platform, and their SHA-256. */
const WHEELS: Readonly<Record<string, readonly [tag: string, sha256: string]>> = {
  "linux-x64": ["manylinux_2_17_x86_64.manylinux2014_x86_64", "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984"],
  "linux-arm64": [
    "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
  ],
  "darwin-x64": ["macosx_10_12_x86_64", "b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1"],
  "darwin-arm64": ["macosx_11_0_arm64", "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49"],
};

/**
 * The command uv: the one on the PATH, else the pinned one under `toolsDirectory`, fetched from the package index and
 * checked by its hash when it is not there yet.
 * @throws ServeError when there is none on the PATH and none can be had
 */
export async function findUv(toolsDirectory: string, onProgress: (line: string) => void, signal?: AbortSignal): Promise<string> {
  if (await works("uv")) return "uv";
  const directory = join(toolsDirectory, `uv-${VERSION}`);
  const command = join(directory, "uv");
  if (await exists(command)) return command;
  onProgress(`fetching uv ${VERSION}`);
  const binary = binaryOf(await fetchWheel(signal));
  await mkdir(directory, { recursive: true });
  // Written aside and renamed, so that nobody ever finds half of it.
  const partial = `${command}.${randomUUID()}`;
  await writeFile(partial, binary);
  await chmod(partial, 0o755);
  await rename(partial, command);
  if (await works(command)) return command;
  await rm(command);
  throw new ServeError("FAILED_PRECONDITION", `the uv ${VERSION} of the package index does not run here`);
}

async function fetchWheel(signal?: AbortSignal): Promise<Uint8Array> {
  const platform = `${process.platform}-${process.arch}`;
  const wheel = WHEELS[platform];
  if (wheel === undefined) throw new ServeError("FAILED_PRECONDITION", `no uv is pinned for ${platform}; install uv yourself`);
  const [tag, sha256] = wheel;
  const name = `uv-${VERSION}-py3-none-${tag}.whl`;
  const file = (await listFiles("uv", signal)).find((candidate) => candidate.name === name);
  if (file === undefined) throw new ServeError("UNAVAILABLE", `the package index does not list ${name}`);
  const response = await fetch(file.url, signal === undefined ? {} : { signal });
  if (!response.ok) throw new ServeError("UNAVAILABLE", `the package index answered ${response.status} for ${name}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== sha256) throw new ServeError("DATA_LOSS", `${name} has the SHA-256 ${actual} instead of ${sha256}; it was not used`);
  return bytes;
}

function binaryOf(wheel: Uint8Array): Uint8Array {
  const entries = Object.entries(unzipSync(wheel, { filter: ({ name }) => /\.data\/scripts\/uv$/.test(name) }));
  const binary = entries[0]?.[1];
  if (binary === undefined) throw new ServeError("DATA_LOSS", "the wheel of uv holds no uv");
  return binary;
}

async function works(command: string): Promise<boolean> {
  return await run([command, "--version"]).then(
    () => true,
    () => false,
  );
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
