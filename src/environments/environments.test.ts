import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chooseScikitLearn } from "./framework-version.ts";
import { listFiles } from "./package-index.ts";
import { recordedScikitLearn } from "./recorded-version.ts";
import { assertByName, compareVersions, requirementsOf } from "./requirements.ts";

describe("requirements", () => {
  it("are the format's and the user's, and the user's win", () => {
    const text = "# mine\nScikit_Learn==1.5.0  # pinned\n\nsix>=1\n";
    expect(requirementsOf({ format: "sklearn", text, scikitLearn: "1.6.0", gpu: false })).toEqual([
      "Scikit_Learn==1.5.0",
      "joblib",
      "numpy",
      "pandas",
      "six>=1",
    ]);
  });

  it("pin the recorded version, with the numpy that it was built for", () => {
    expect(requirementsOf({ format: "sklearn", scikitLearn: "1.3.2", gpu: false })).toEqual([
      "joblib",
      "numpy<2",
      "pandas",
      "scikit-learn==1.3.2",
    ]);
    expect(requirementsOf({ format: "sklearn", scikitLearn: "1.5.0", gpu: false })).toContain("numpy");
  });

  it.each([
    "six",
    "Scikit_Learn==1.5.0  # pinned",
    "a>=1,<2",
    "pandas[excel] ~= 2.1 ; python_version < '3.13'",
    "torch==2.1.0+cpu",
    "a (>=1.0)",
    "",
  ])("may be %j also for a model that nobody trusts", (line) => {
    expect(() => assertByName(line)).not.toThrow();
  });

  it.each([
    "--index-url http://elsewhere.example/simple",
    "-e .",
    "-r others.txt",
    "./package",
    "/tmp/package.whl",
    "six @ http://elsewhere.example/six.whl",
    "git+https://elsewhere.example/six",
    "http://elsewhere.example/six.tar.gz",
    "six --hash=sha256:0",
    "six ; x @ y",
    "six \\\n--extra-index-url http://elsewhere.example",
  ])("may not be %j for a model that nobody trusts", (line) => {
    expect(() => assertByName(`numpy\n${line}\n`)).toThrow("nobody trusts");
  });

  it("take XGBoost's large package only for a GPU", () => {
    expect(requirementsOf({ format: "xgboost", gpu: false })).toContain("xgboost-cpu");
    expect(requirementsOf({ format: "xgboost", gpu: true })).toContain("xgboost");
    expect(requirementsOf({ format: "xgboost", text: "xgboost==2.1.0", gpu: false })).toEqual(["numpy", "xgboost==2.1.0"]);
  });

  it("compare versions by their numbers", () => {
    expect(["1.10.0", "1.9.1", "1.9"].sort(compareVersions)).toEqual(["1.9", "1.9.1", "1.10.0"]);
  });
});

describe("the recorded version", () => {
  const pickled = Buffer.from("\x80\x04\x8c\x10_sklearn_version\x94\x8c\x051.2.2\x94u", "latin1");
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-recorded-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function recordedOf(bytes: Uint8Array): Promise<string | undefined> {
    const file = join(folder, "model.pkl");
    await writeFile(file, bytes);
    return await recordedScikitLearn(file);
  }

  it("is read without unpickling, compressed or not", async () => {
    expect(await recordedOf(pickled)).toBe("1.2.2");
    expect(await recordedOf(deflateSync(pickled))).toBe("1.2.2");
    expect(await recordedOf(gzipSync(pickled))).toBe("1.2.2");
    expect(await recordedOf(Buffer.from("nothing"))).toBeUndefined();
    expect(await recordedOf(new Uint8Array(0))).toBeUndefined();
    expect(await recordedOf(deflateSync(pickled).subarray(0, 20))).toBeUndefined();
    const iris = fileURLToPath(new URL("../../examples/models/iris/1/model.joblib", import.meta.url));
    expect(await recordedScikitLearn(iris)).toMatch(/^1\.\d+\.\d+$/);
  });

  it("is found wherever the file is cut into pieces", async () => {
    const piece = 1 << 20;
    for (let overlap = 0; overlap <= pickled.length; overlap += 3) {
      expect(await recordedOf(Buffer.concat([Buffer.alloc(piece - overlap), pickled, Buffer.alloc(10)]))).toBe("1.2.2");
    }
  });
});

describe("the framework version", () => {
  const wheel = (version: string, python: string): string =>
    `scikit_learn-${version}-${python}-${python}-manylinux_2_17_x86_64.manylinux2014_x86_64.whl`;
  const files = [
    wheel("1.0.2", "cp39"),
    wheel("1.2.0", "cp311"),
    wheel("1.3.0", "cp311"),
    wheel("1.3.0", "cp310"),
    "scikit_learn-1.1.0.tar.gz",
  ];
  const python311 = { path: "/python3.11", version: "3.11" };
  const python310 = { path: "/python3.10", version: "3.10" };
  const question = { exact: false, interpreters: [python310, python311], files, system: "linux", arch: "x64" };

  it("is the recorded one on whichever interpreter has it", () => {
    expect(chooseScikitLearn({ ...question, recorded: "1.2.0" })).toEqual({ version: "1.2.0", interpreter: python311 });
  });

  it("is the nearest newer one, with a warning, where no interpreter has it", () => {
    const chosen = chooseScikitLearn({ ...question, recorded: "1.0.2" });
    expect(chosen).toMatchObject({ version: "1.2.0", interpreter: python311 });
    expect(chosen.warning).toBe("it was made with scikit-learn 1.0.2, which has no wheel for Python 3.10, 3.11 here; served with 1.2.0");
  });

  it("is refused when only the exact one would do, or none is newer", () => {
    expect(() => chooseScikitLearn({ ...question, recorded: "1.0.2", exact: true })).toThrow("--framework-version exact");
    expect(() => chooseScikitLearn({ ...question, recorded: "2.0.0" })).toThrow("neither has any newer version");
  });
});

describe("the package index", () => {
  let server: Server;
  const before = process.env.PIP_INDEX_URL;

  beforeEach(async () => {
    // A fake of an index: what a test may ask of a real one changes every day.
    server = createServer((request, response) => {
      response.statusCode = request.url === "/simple/uv/" ? 200 : 404;
      response.end('<a href="../../files/uv-1.whl#sha256=00">uv-1.whl</a> <a data-x="1" href="/f/uv%2B2.whl">x</a>');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    process.env.PIP_INDEX_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`;
  });

  afterEach(() => {
    if (before === undefined) delete process.env.PIP_INDEX_URL;
    else process.env.PIP_INDEX_URL = before;
    server.close();
  });

  it("lists files with whole addresses", async () => {
    const { port } = server.address() as AddressInfo;
    expect(await listFiles("uv")).toEqual([
      { name: "uv-1.whl", url: `http://127.0.0.1:${port}/files/uv-1.whl` },
      { name: "uv+2.whl", url: `http://127.0.0.1:${port}/f/uv%2B2.whl` },
    ]);
    await expect(listFiles("other")).rejects.toThrow("answered 404 for other");
  });
});

describe("uv", () => {
  it("is refused when its wheel is not the pinned one", async () => {
    const { findUv } = await import("./uv.ts");
    const server = createServer((request, response) => {
      const name = "uv-0.13.8-py3-none-";
      const tags = ["manylinux_2_17_x86_64.manylinux2014_x86_64", "macosx_11_0_arm64", "macosx_10_12_x86_64"];
      response.end(request.url === "/uv/" ? tags.map((tag) => `<a href="/${name}${tag}.whl">w</a>`).join("") : "not a wheel");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const [path, index] = [process.env.PATH, process.env.PIP_INDEX_URL];
    const tools = await mkdtemp(join(tmpdir(), "nitrous-tools-"));
    process.env.PATH = "/nowhere";
    process.env.PIP_INDEX_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const hash = createHash("sha256").update("not a wheel").digest("hex");
      await expect(findUv(tools, () => undefined)).rejects.toThrow(`has the SHA-256 ${hash} instead of`);
    } finally {
      process.env.PATH = path;
      if (index === undefined) delete process.env.PIP_INDEX_URL;
      else process.env.PIP_INDEX_URL = index;
      server.close();
      await rm(tools, { recursive: true });
    }
  });
});
