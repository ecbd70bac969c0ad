import type { Events } from "../core/events.ts";
import type { Family } from "./families.ts";
import { Sums } from "./sums.ts";

/** How the requests of models with several revisions ended, by the revision that had each. */
export function revisionFamilies(events: Events): Family[] {
  const requests = new Sums();
  const seconds = new Sums();
  events.on("request-finished", ({ namespace, model, revision, outcome, startedAt, finishedAt }) => {
    if (revision === "") return;
    requests.add({ namespace, model, revision, outcome }, 1);
    seconds.add({ namespace, model, revision }, (finishedAt - startedAt) / 1000);
  });
  return [
    {
      name: "nitrous_revision_requests_total",
      help: "Requests that were assigned to one of several revisions, or named one.",
      type: "counter",
      samples: () => requests.samples(),
    },
    {
      name: "nitrous_revision_request_seconds_total",
      help: "Time from the beginning of these requests to the end of their answers.",
      type: "counter",
      samples: () => seconds.samples(),
    },
  ];
}
