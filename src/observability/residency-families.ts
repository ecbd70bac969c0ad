import type { Events } from "../core/events.ts";
import type { Family } from "./families.ts";
import { Sums } from "./sums.ts";

/** What hosts may use and do use, by account: "memory", "models", "device 0" and those of namespaces. */
export interface Accounts {
  readonly budgets: Readonly<Record<string, number>>;
  reserved(account: string): number;
}

/** How models come and go, and what of the budgets is in use. */
export function residencyFamilies(events: Events, accounts: Accounts): Family[] {
  const loads = new Sums();
  const seconds = new Sums();
  const evictions = new Sums();
  events.on("model-loaded", ({ namespace, model, version, loadMs, cause }) => {
    loads.add({ namespace, model, version, reason: cause }, 1);
    seconds.add({ namespace, model, version }, loadMs / 1000);
  });
  const decisions = new Sums();
  events.on("model-scaled", ({ namespace, model, version, cause }) => decisions.add({ namespace, model, version, reason: cause }, 1));
  events.on("model-evicted", ({ namespace, model, version, cause }) => evictions.add({ namespace, model, version, reason: cause }, 1));
  const outgrown = new Sums();
  events.on("model-outgrown", ({ namespace, model, version, action }) => outgrown.add({ namespace, model, version, action }, 1));
  return [
    {
      name: "nitrous_model_loads_total",
      help: "Loads that ended well, by what began them.",
      type: "counter",
      samples: () => loads.samples(),
    },
    {
      name: "nitrous_model_load_seconds_total",
      help: "Time that they took, from the preparation of the environment to the first answer.",
      type: "counter",
      samples: () => seconds.samples(),
    },
    {
      name: "nitrous_evictions_total",
      help: "Loaded models that went, by why.",
      type: "counter",
      samples: () => evictions.samples(),
    },
    {
      name: "nitrous_scale_decisions_total",
      help: "Decisions that changed how many replicas a model version should have, by what they were for.",
      type: "counter",
      samples: () => decisions.samples(),
    },
    {
      name: "nitrous_outgrown_total",
      help: "Hosts that used much more than was reserved for them, by what was done: restart, or refuse the model.",
      type: "counter",
      samples: () => outgrown.samples(),
    },
    {
      name: "nitrous_budget",
      help: "What all hosts may use by account: bytes of memory, of each device and of namespaces with a limit, and models.",
      type: "gauge",
      *samples() {
        for (const [account, value] of Object.entries(accounts.budgets)) yield { labels: { account }, value };
      },
    },
    {
      name: "nitrous_reserved",
      help: "What is reserved of it: estimates of models that load, and what was measured of those that are loaded.",
      type: "gauge",
      *samples() {
        for (const account of Object.keys(accounts.budgets)) yield { labels: { account }, value: accounts.reserved(account) };
      },
    },
  ];
}
