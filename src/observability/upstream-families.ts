import type { ScrapedMetrics } from "../core/scraped-metrics.ts";
import { parseExposition, renderSample } from "./exposition.ts";
import { type Family, renderFamily } from "./families.ts";

interface Merged {
  readonly type: string;
  readonly help: string | undefined;
  readonly lines: string[];
}

/**
 * A page of metrics with those of models' own servers: every sample with the labels of its server, and each name once with one type and one
 * help, the page's own where it has that name. Samples of a name that has another type already, and those that come again, are left out and counted.
 */
export function withUpstreamMetrics(page: string, scraped: readonly ScrapedMetrics[]): string {
  if (scraped.length === 0) return page;
  const own = new Map<string, string>();
  for (const [, name = "", type = ""] of page.matchAll(/^# TYPE (\S+) (\S+)/gm)) own.set(name, type);
  const merged = new Map<string, Merged>();
  const told = new Set<string>();
  const results = scraped.map(({ labels, text, seconds }) => {
    const { families, broken } = parseExposition(text ?? "");
    let leftOut = broken;
    for (const { name, type, help, samples } of families) {
      const present = merged.get(name) ?? { type: own.get(name) ?? type, help, lines: [] };
      if (present.type !== type) {
        leftOut += samples.length;
        continue;
      }
      merged.set(name, present);
      for (const sample of samples) {
        const line = renderSample(sample, labels);
        const series = line.slice(0, line.lastIndexOf(" "));
        if (told.has(series)) leftOut++;
        else present.lines.push(line);
        told.add(series);
      }
    }
    return { labels, seconds, success: text !== undefined && (families.length > 0 || broken === 0) ? 1 : 0, leftOut };
  });
  const blocks = page.trimEnd().split(/\n+(?=# HELP )/);
  const joined = blocks.map((block) => {
    const lines = merged.get(/^# HELP (\S+)/.exec(block)?.[1] ?? "")?.lines ?? [];
    return [block, ...lines].join("\n");
  });
  const others = [...merged].filter(([name]) => !own.has(name)).map(([name, family]) => rendered(name, family));
  return `${[...joined, ...scrapeFamilies(results).map(renderFamily), ...others].join("\n")}\n`;
}

function rendered(name: string, { type, help, lines }: Merged): string {
  return [...(help === undefined ? [] : [`# HELP ${name} ${help}`]), `# TYPE ${name} ${type}`, ...lines].join("\n");
}

interface ScrapeResult {
  readonly labels: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly success: number;
  readonly leftOut: number;
}

function scrapeFamilies(results: readonly ScrapeResult[]): Family[] {
  const gauge = (name: string, help: string, numberIn: (result: ScrapeResult) => number): Family => ({
    name,
    help,
    type: "gauge",
    samples: () => results.map((result) => ({ labels: result.labels, value: numberIn(result) })),
  });
  return [
    gauge("nitrous_upstream_scrape_success", "Whether a model's own server told its metrics.", ({ success }) => success),
    gauge("nitrous_upstream_scrape_seconds", "Seconds that a model's own server took to tell its metrics.", ({ seconds }) => seconds),
    gauge(
      "nitrous_upstream_scrape_left_out",
      "Lines of a model's own server that are no metrics, come twice, or have a name of another type here.",
      ({ leftOut }) => leftOut,
    ),
  ];
}
