import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Programs, libraries and what they are configured by. */
const SYSTEM = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/etc/alternatives",
  "/etc/fonts",
  "/etc/group",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/locale.alias",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/nsswitch.conf",
  "/etc/os-release",
  "/etc/passwd",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/timezone",
  "/sys/devices/system",
];

/** The checkout or the installed package. */
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const OWN = ["package.json", "tsconfig.json", "python", "src", "dist"];

/** What a host needs to read besides its model: the system, its interpreter, its environment's packages, and nitrous itself. */
export function programView(command: string): string[] {
  return [
    ...SYSTEM,
    ...javaConfiguration(),
    // The environment that a link belongs to, and the interpreter that it leads to.
    ...[command, realPath(command)].flatMap(installationOf),
    ...OWN.map((name) => join(ROOT, name)),
    ...packageFolders(ROOT),
  ];
}

/** What belongs to a model, and what links in these paths lead to. */
export function modelView(paths: readonly (string | undefined)[]): string[] {
  return paths.flatMap((path) => (path === undefined ? [] : [resolve(path), realPath(path)]));
}

/** Without its configuration, which distributions keep in /etc, a Java runtime starts and then runs nothing; JPMML is one for PMML models. */
function javaConfiguration(): string[] {
  const names = existsSync("/etc") ? readdirSync("/etc") : [];
  return names.filter((name) => /^java(-\d|$)/.test(name)).map((name) => join("/etc", name));
}

/** Of `/opt/x/bin/python` what is installed in `/opt/x`, which may also be somebody's home folder. */
function installationOf(command: string): string[] {
  if (!isAbsolute(command)) return [];
  const prefix = dirname(dirname(command));
  return ["bin", "lib", "lib64", "share", "pyvenv.cfg"].map((name) => join(prefix, name));
}

function packageFolders(from: string): string[] {
  const folder = join(from, "node_modules");
  const parent = dirname(from);
  const above = parent === from ? [] : packageFolders(parent);
  return existsSync(folder) ? [realPath(folder), folder, ...above] : above;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
