import type { Latency, LoadReport } from "../load/index.ts";

/** A report for people: one figure or group of them a line. */
export function renderReport(report: LoadReport): string {
  const { requests, answers, answersPerSecond, latency, refusalLatency, goodput, outcomes, generator, seconds } = report;
  const lines: Array<readonly [string, string]> = [
    ["requests", `${requests} in ${seconds.toFixed(1)} s`],
    ["answers", `${answers}, ${rounded(answersPerSecond)} a second`],
  ];
  if (latency !== undefined) lines.push(["latency, ms", latencyText(latency)]);
  if (goodput !== undefined) {
    const share = requests === 0 ? 0 : (100 * goodput.answers) / requests;
    lines.push([`within ${goodput.deadlineMs} ms`, `${goodput.answers} (${share.toFixed(1)} %), ${rounded(goodput.perSecond)} a second`]);
  }
  const others = Object.entries(outcomes).filter(([outcome]) => !/^2\d\d$/.test(outcome));
  if (others.length > 0) lines.push(["others", others.map(([outcome, count]) => `${outcome}: ${count}`).join(", ")]);
  if (refusalLatency !== undefined) lines.push(["their latency, ms", latencyText(refusalLatency)]);
  const late = generator.late === undefined ? "" : `; requests went out ${rounded(generator.late.p99)} ms late (p99)`;
  lines.push(["this client", `${generator.cpuMsPerRequest.toFixed(3)} ms of processor a request${late}`]);
  const width = Math.max(...lines.map(([title]) => title.length));
  return lines.map(([title, text]) => `${title.padEnd(width)}   ${text}\n`).join("");
}

function latencyText({ p50, p90, p99, p999, max }: Latency): string {
  return Object.entries({ p50, p90, p99, "p99.9": p999, max })
    .map(([name, value]) => `${name} ${rounded(value)}`)
    .join("   ");
}

/** Three digits that matter, and no exponent. */
function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
