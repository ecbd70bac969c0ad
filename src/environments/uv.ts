import { randomUUID } from "node:crypto";
import { access, chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type AsyncUnzipOptions, type Unzipped, unzip } from "fflate";
import { ServeError } from "../core/errors.ts";
import { currentPlatform } from "./platform.ts";
import { compareVersions } from "./requirements.ts";
import { run } from "./run.ts";
import { fetchWheel, type Wheel } from "./wheel.ts";

const VERSION = "0.13.8";
const OLDEST = "0.5";

const ARM_LINUX: Wheel = {
  file: `uv-${VERSION}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl`,
  sha256: "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
};

/** Wheels of the pinned version by platform. */
const WHEELS: Readonly<Record<string, Wheel>> = {
  "linux-x64": {
    file: `uv-${VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl`,
    sha256: "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
  },
  "linux-musl-x64": {
    file: `uv-${VERSION}-py3-none-musllinux_1_1_x86_64.whl`,
    sha256: "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
  },
  "linux-arm64": ARM_LINUX,
  "linux-musl-arm64": ARM_LINUX,
  "darwin-x64": {
    file: `uv-${VERSION}-py3-none-macosx_10_12_x86_64.whl`,
    sha256: "b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1",
  },
  "darwin-arm64": {
    file: `uv-${VERSION}-py3-none-macosx_11_0_arm64.whl`,
    sha256: "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49",
  },
};

/**
 * The command uv: the one on the PATH when it is new enough, else the pinned one under `toolsDirectory`, fetched from
 * the package index and checked by its hash when it is not there yet.
 * @throws ServeError when there is none on the PATH and none can be had
 */
export async function findUv(toolsDirectory: string, onProgress: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const installed = await versionOf("uv");
  if (installed !== undefined && compareVersions(installed, OLDEST) >= 0) return "uv";
  const directory = join(toolsDirectory, `uv-${VERSION}`);
  const command = join(directory, "uv");
  if (await exists(command)) return command;
  const { system, arch } = currentPlatform();
  const wheel = WHEELS[`${system}-${arch}`];
  if (wheel === undefined) throw new ServeError("FAILED_PRECONDITION", `no uv is pinned for ${system} on ${arch}; install uv yourself`);
  onProgress(`fetching uv ${VERSION}`);
  const binary = await binaryOf(await fetchWheel("uv", wheel, signal));
  await mkdir(directory, { recursive: true });
  // Written aside and renamed, so that nobody ever finds half of it.
  const partial = `${command}.${randomUUID()}`;
  await writeFile(partial, binary);
  await chmod(partial, 0o755);
  await rename(partial, command);
  if ((await versionOf(command)) !== undefined) return command;
  await rm(command);
  throw new ServeError("FAILED_PRECONDITION", `the uv ${VERSION} of the package index does not run here`);
}

async function binaryOf(wheel: Uint8Array): Promise<Uint8Array> {
  // In worker threads: it takes long enough to hold up requests.
  const unpack = promisify<Uint8Array, AsyncUnzipOptions, Unzipped>(unzip);
  const [binary] = Object.values(await unpack(wheel, { filter: ({ name }) => /\.data\/scripts\/uv$/.test(name) }));
  if (binary === undefined) throw new ServeError("DATA_LOSS", "the wheel of uv holds no uv");
  return binary;
}

/** Undefined when the command does not run. */
async function versionOf(command: string): Promise<string | undefined> {
  const output = await run([command, "--version"]).catch(() => "");
  return /^uv (\d\S*)/.exec(output)?.[1];
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
