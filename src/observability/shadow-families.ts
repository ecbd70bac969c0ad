import type { ShadowReport } from "../core/shadow.ts";
import type { Family } from "./families.ts";

/** What became of copies of requests, and how the answers compared. */
export function shadowFamilies(reports: () => readonly ShadowReport[]): Family[] {
  const labelsOf = ({ namespace, model, shadow }: ShadowReport) => ({ namespace, model, shadow });
  return [
    {
      name: "nitrous_shadow_comparisons_total",
      help: "Copies of requests that a shadow answered too, by how its answer compared.",
      type: "counter",
      *samples() {
        for (const report of reports())
          for (const [result, value] of Object.entries(report.results)) yield { labels: { ...labelsOf(report), result }, value };
      },
    },
    {
      name: "nitrous_shadow_dropped_total",
      help: "Requests that were to be copied and were not, by why.",
      type: "counter",
      *samples() {
        for (const report of reports())
          for (const [reason, value] of Object.entries(report.dropped)) yield { labels: { ...labelsOf(report), reason }, value };
      },
    },
    {
      name: "nitrous_shadow_seconds_total",
      help: "Time that the compared answers took, of the service itself and of its shadow, with waiting.",
      type: "counter",
      *samples() {
        for (const report of reports()) {
          yield { labels: { ...labelsOf(report), side: "service" }, value: report.primaryMs / 1000 };
          yield { labels: { ...labelsOf(report), side: "shadow" }, value: report.shadowMs / 1000 };
        }
      },
    },
  ];
}
