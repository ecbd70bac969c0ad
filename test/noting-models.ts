/** Lines that a model adds to the file `notes` in its folder. */
const NOTES = `
import pathlib, time
def note(text):
    with pathlib.Path(__file__).with_name("notes").open("a") as notes: notes.write(text + "\\n")
`;
const NODE_NOTES = `
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
const note = (text) => appendFileSync(new URL("notes", import.meta.url), text + "\\n");
`;

/** Models that note what becomes of each call; most are asked about [[name, seconds]] and answer the name. */
export const NOTING_MODELS = {
  "asks/model.py": `${NOTES}
class Model:
    def predict(self, x, *, cancelled):
        name, seconds = x[0]
        note(f"begins {name}")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if cancelled():
                note(f"stops {name}")
                return None
            time.sleep(0.002)
        note(f"ends {name}")
        return [name]
`,
  "asks-node/model.mjs": `${NODE_NOTES}
export class Model {
  async predict({ instances: [[name, seconds]] }, { signal }) {
    note("begins " + name);
    try {
      await delay(seconds * 1000, undefined, { signal });
    } catch {
      note("stops " + name);
      return null;
    }
    note("ends " + name);
    return [name];
  }
}
`,
  "deaf/model.py": `${NOTES}
class Model:
    def predict(self, x):
        name, seconds = x[0]
        note(f"begins {name}")
        time.sleep(seconds)
        note(f"ends {name}")
        return [name]
`,
  "streams/model.py": `${NOTES}
class Model:
    def predict(self, x, *, cancelled):
        name, size = x[0]
        try:
            for _ in range(10_000):
                note(f"yields {name}")
                yield "x" * size
                while size == 1 and not cancelled(): time.sleep(0.002)
        finally:
            note(f"stops {name}")
`,
  "streams-node/model.mjs": `${NODE_NOTES}
export class Model {
  async *predict({ instances: [[name, size]] }, { signal }) {
    try {
      for (let count = 0; count < 10_000; count++) {
        note("yields " + name);
        yield "x".repeat(size);
        if (size === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      }
    } finally {
      note("stops " + name);
    }
  }
}
`,
  "doubles/model.py": `
import time
class Model:
    inputs = {"x": "FP64[-1]"}
    outputs = {"y": "FP64[-1]"}
    batchable = True
    def predict(self, x):
        time.sleep(0.02)
        return {"y": x * 2}
`,
  "large/model.py": `
class Model:
    def predict(self, x):
        return "x" * int(x[0])
`,
};
