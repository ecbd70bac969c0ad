// npm start: from a fresh clone to models that answer.
import { fileURLToPath } from "node:url";
import { setUp } from "./set-up.mjs";

setUp();
const models = fileURLToPath(new URL("../examples/models", import.meta.url));
process.argv.splice(2, 0, "serve", models);
await import("../dist/cli/main.js");
