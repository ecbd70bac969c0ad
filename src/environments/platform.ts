import { readFileSync } from "node:fs";

/** This machine as packages name it: system and processor ("x64", "arm64"). */
export function currentPlatform(): { readonly system: string; readonly arch: string } {
  return { system: process.platform === "linux" && usesMusl() ? "linux-musl" : process.platform, arch: process.arch };
}

function usesMusl(): boolean {
  try {
    return readFileSync("/usr/bin/ldd", "utf8").includes("musl");
  } catch {
    return false;
  }
}
