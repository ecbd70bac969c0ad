// npm run bench: builds, then measures (see bench/README.md).
import { spawnSync } from "node:child_process";
import { setUp } from "./set-up.mjs";

setUp();
const { status } = spawnSync(process.execPath, ["--import", "tsx", "bench/run.ts", ...process.argv.slice(2)], { stdio: "inherit" });
process.exit(status ?? 1);
