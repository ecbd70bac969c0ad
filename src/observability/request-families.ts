import type { RequestStatistics, Statistics } from "../core/statistics.ts";
import { type Family, histogramSamples, type Labels } from "./families.ts";

/** What is known of requests: how many there were, how they ended, and where their time went. */
export function requestFamilies(statistics: Statistics): Family[] {
  const perRequest = requestCounter.bind(undefined, statistics);
  return [
    perRequest("nitrous_requests_total", "Inference requests by model, version, protocol and status code.", "code", (of) => of.outcomes),
    {
      name: "nitrous_requests_in_flight",
      help: "Inference requests that have arrived and not been answered.",
      type: "gauge",
      samples: () => [{ labels: {}, value: statistics.inFlight }],
    },
    perRequest("nitrous_requests_refused_total", "Requests refused before a replica saw them.", "reason", (of) => of.refused),
    perRequest("nitrous_requests_cancelled_total", "Requests whose client went away.", "stage", (of) => of.cancelled),
    perRequest("nitrous_requests_expired_total", "Requests whose time was over.", "stage", (of) => of.expired),
    {
      name: "nitrous_retries_total",
      help: "Times that a request was given to a replica again.",
      type: "counter",
      *samples() {
        for (const child of statistics.requests()) if (child.retries > 0) yield { labels: labelsOf(child), value: child.retries };
      },
    },
    {
      name: "nitrous_hedges_total",
      help: "Second replicas that were asked too because the first was slow, by whether they answered first.",
      type: "counter",
      *samples() {
        for (const child of statistics.requests()) {
          for (const result of ["won", "lost"] as const)
            if (child.hedges[result] > 0) yield { labels: { ...labelsOf(child), result }, value: child.hedges[result] };
        }
      },
    },
    durations(statistics, "nitrous_request_duration_seconds", "Time from the request's head to its answer.", "duration"),
    durations(statistics, "nitrous_queue_duration_seconds", "Time that a request waited for a replica.", "queue"),
    durations(statistics, "nitrous_compute_duration_seconds", "Time that the model worked on the request's batch.", "compute"),
    ...callFamilies(statistics),
    {
      name: "nitrous_http_refusals_total",
      help: "Answers to what never became a request of any route, or was refused for who sent it, by HTTP status.",
      type: "counter",
      *samples() {
        for (const { status, refusal = "", count } of statistics.refusals())
          yield { labels: { status: String(status), reason: refusal }, value: count };
      },
    },
  ];
}

function callFamilies(statistics: Statistics): Family[] {
  return [
    {
      name: "nitrous_batch_size",
      help: "Requests that shared one call of the model.",
      type: "histogram",
      *samples() {
        for (const { namespace, model, version, sizes } of statistics.calls())
          yield* histogramSamples(sizes, { namespace, model, version });
      },
    },
    {
      name: "nitrous_calls_total",
      help: "Calls of the model, in this process or in a host, by why their batches ended where they did.",
      type: "counter",
      *samples() {
        for (const calls of statistics.calls()) {
          const { namespace, model, version } = calls;
          for (const where of ["inline", "host"] as const)
            for (const [cut, value] of calls[where]) yield { labels: { namespace, model, version, where, cut }, value };
        }
      },
    },
  ];
}

function labelsOf({ namespace, model, version, protocol }: RequestStatistics): Labels {
  return { namespace, model, version, protocol };
}

function requestCounter(
  statistics: Statistics,
  name: string,
  help: string,
  label: string,
  pick: (of: RequestStatistics) => ReadonlyMap<string, number>,
): Family {
  return {
    name,
    help,
    type: "counter",
    *samples() {
      for (const child of statistics.requests())
        for (const [key, value] of pick(child)) yield { labels: { ...labelsOf(child), [label]: key }, value };
    },
  };
}

function durations(statistics: Statistics, name: string, help: string, pick: "duration" | "queue" | "compute"): Family {
  return {
    name,
    help,
    type: "histogram",
    *samples() {
      for (const child of statistics.requests()) yield* histogramSamples(child[pick], labelsOf(child));
    },
  };
}
