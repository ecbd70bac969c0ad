import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { confined } from "./confined.ts";
import { decideIsolation } from "./decide.ts";
import { type Mechanisms, mechanismsOf, strongest } from "./mechanisms.ts";
import { modelView, programView } from "./view.ts";

const EVERYTHING = { landlock: 7, seccomp: true, namespaces: null };
const full = mechanismsOf(EVERYTHING, undefined);
const none = mechanismsOf("not on plan9", undefined);

describe("the mechanisms of a machine", () => {
  it.each<[string, Mechanisms, string | undefined]>([
    ["everything", full, "namespaces"],
    ["no namespaces without the help of bwrap", mechanismsOf({ ...EVERYTHING, namespaces: "unshare: EPERM" }, undefined), "bwrap"],
    ["no namespaces at all", mechanismsOf({ ...EVERYTHING, namespaces: "unshare: EPERM" }, "none"), "landlock"],
    ["an old kernel", mechanismsOf({ landlock: 0, seccomp: true, namespaces: "unshare: EPERM" }, "none"), undefined],
    // Every level has the filter: without it a host could reach the kernel's rarely used parts.
    ["no filter", mechanismsOf({ ...EVERYTHING, seccomp: false }, undefined), undefined],
    ["no launcher", none, undefined],
  ])("give the strongest level that works: %s", (_, mechanisms, level) => {
    expect(strongest(mechanisms)).toBe(level);
  });
});

describe("the decision about a model", () => {
  it.each([
    ["nobody trusts it", { format: "python" }, "auto", full, "confined"],
    ["it is data", { format: "onnx" }, "auto", full, "confined"],
    ["it is data and must be confined", { format: "onnx" }, "required", full, "confined"],
    ["its code is trusted", { format: "python", trust: "code" }, "auto", full, "open"],
    ["its code is trusted and the others must be confined", { format: "python", trust: "code" }, "required", none, "open"],
    ["isolation is off", { format: "python" }, "off", full, "open"],
    ["it is code on a machine without any level", { format: "typescript" }, "auto", none, "refused"],
    ["it is data on a machine without any level", { format: "onnx" }, "auto", none, "open"],
    ["it is data on such a machine and must be confined", { format: "onnx" }, "required", none, "refused"],
  ] as const)("when %s", (_, spec, mode, mechanisms, kind) => {
    expect(decideIsolation(spec, mode, mechanisms).kind).toBe(kind);
  });

  it("says what is missing and what to do", () => {
    const decision = decideIsolation(
      { format: "python" },
      "auto",
      mechanismsOf({ landlock: 0, seccomp: true, namespaces: "EPERM" }, "no bwrap"),
    );
    expect(decision).toEqual({
      kind: "refused",
      reason:
        "this machine cannot confine it (namespaces: EPERM; bwrap: no bwrap; landlock: the kernel has no Landlock); " +
        "trust it with nitrous/trust: code, or serve with --isolation off",
    });
  });
});

describe("what a host may read", () => {
  it("is never a whole home folder, wherever its interpreter is", () => {
    for (const command of ["/python", "python", "/home/me/bin/python", "/bin/python"]) {
      const paths = programView(command);
      expect(paths).not.toContain("/");
      expect(paths).not.toContain("/home/me");
      expect(paths).not.toContain(process.cwd());
    }
    expect(programView("/home/me/bin/python")).toContain("/home/me/lib");
  });

  it("holds what links lead to", () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "nitrous-view-")));
    writeFileSync(join(folder, "weights"), "");
    symlinkSync("weights", join(folder, "link"));
    expect(modelView([join(folder, "link"), undefined, join(folder, "missing")])).toEqual([
      join(folder, "link"),
      join(folder, "weights"),
      join(folder, "missing"),
      join(folder, "missing"),
    ]);
    rmSync(folder, { recursive: true });
  });
});

describe("a confined host", () => {
  const spec = {
    name: "model",
    command: "/opt/environment/bin/python",
    arguments: ["-m", "nitrous_host"],
    environment: { PATH: "/bin", HOME: "/home/me", LD_PRELOAD: "/model/evil.so", SECRETIVE: "yes" },
    directory: "/model",
  };
  const confinement = { level: "landlock", readable: ["/model"], writable: ["/bytecode"], memory: 1024 } as const;
  const host = confined(spec, confinement, { python: "/usr/bin/python3", bytecodeDirectory: "/cache" });
  const plan = JSON.parse(host.arguments[host.arguments.indexOf("--confine") + 1] as string) as Record<string, unknown>;

  it("starts below the launcher", () => {
    expect(host).toMatchObject({ command: "/usr/bin/python3", launched: true, directory: "/model" });
    expect(host.arguments.slice(-3)).toEqual(["/opt/environment/bin/python", "-m", "nitrous_host"]);
  });

  it("has a temporary folder of its own as its home", () => {
    expect(host.environment).toMatchObject({ TMPDIR: plan.temporary, HOME: plan.temporary, SECRETIVE: "yes" });
    expect(host.temporary).toBe(plan.temporary);
    expect(confined(spec, confinement, { python: "python3", bytecodeDirectory: "" }).temporary).not.toBe(plan.temporary);
  });

  it("keeps from its launcher what would load code into it", () => {
    expect(host.environment).not.toHaveProperty("LD_PRELOAD");
    expect(plan.environment).toEqual({ LD_PRELOAD: "/model/evil.so" });
  });

  it("reads its model, its environment and nothing of the home folder", () => {
    expect(plan.readable).toEqual(expect.arrayContaining(["/model", "/opt/environment/lib", "/usr"]));
    expect(plan.readable).not.toContain("/home/me");
    expect(plan).toMatchObject({ level: "landlock", writable: ["/bytecode"], memory: 1024 });
  });
});
