import type { InferenceStatistics } from "../core/inference-statistics.ts";
import { counterFamily, type Family } from "./families.ts";

/** What the response cache holds. */
export interface CacheFigures {
  readonly bytes: number;
  readonly maxBytes: number;
  readonly entries: number;
  readonly evictions: number;
}

export function responseCacheFamilies(cache: CacheFigures, statistics: InferenceStatistics): Family[] {
  return [
    {
      name: "nitrous_response_cache_requests_total",
      help: "Requests for models whose answers are kept, by whether there was one.",
      type: "counter",
      *samples() {
        for (const { namespace, model, version, cacheHit, cacheMiss } of statistics.all()) {
          if (cacheHit.count + cacheMiss.count === 0) continue;
          yield { labels: { namespace, model, version, result: "hit" }, value: cacheHit.count };
          yield { labels: { namespace, model, version, result: "miss" }, value: cacheMiss.count };
        }
      },
    },
    gauge("nitrous_response_cache_bytes", "Bytes of answers that are kept.", () => cache.bytes),
    gauge("nitrous_response_cache_entries", "Answers that are kept.", () => cache.entries),
    counterFamily("nitrous_response_cache_evictions_total", "Answers that went to make room for others.", () => cache.evictions),
  ];
}

function gauge(name: string, help: string, value: () => number): Family {
  return { name, help, type: "gauge", samples: () => [{ labels: {}, value: value() }] };
}
