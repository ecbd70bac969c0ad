import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ScrapedMetrics } from "../core/scraped-metrics.ts";
import { parseExposition, renderSample } from "./exposition.ts";
import { withUpstreamMetrics } from "./upstream-families.ts";

const OWN = `# HELP nitrous_up Up.
# TYPE nitrous_up gauge
nitrous_up 1

# HELP process_cpu_seconds_total CPU.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 4

# HELP lag Lag.
# TYPE lag histogram
lag_bucket{le="+Inf"} 2
lag_sum 1
lag_count 2
`;

const scraped = (text: string | undefined, model = "iris", replica = "0"): ScrapedMetrics => ({
  labels: { namespace: "default", model, runtime: "mine", replica },
  text,
  seconds: 0.25,
});
const LABELS = 'namespace="default",model="iris",runtime="mine",replica="0"';

/** The page without what is said of the scrapes themselves. */
function page(...servers: readonly ScrapedMetrics[]): string {
  return withUpstreamMetrics(OWN, servers);
}

/** What a monitor refuses: a name in two places, samples of no family, the same sample twice. */
function faultsOf(text: string): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  const families = new Set<string>();
  let current = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, kind, name = ""] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
    if (kind !== undefined) {
      if (name !== current && families.has(name)) faults.push(`${name} comes again`);
      families.add(name);
      current = name;
      continue;
    }
    if (line === "") continue;
    if (!line.startsWith(current)) faults.push(`${line} is not of ${current}`);
    const key = line.slice(0, line.lastIndexOf(" "));
    if (seen.has(key)) faults.push(`${key} comes twice`);
    seen.add(key);
  }
  return faults;
}

describe("the metrics of models' servers", () => {
  it("have the labels of their server before their own, which keep another name where they are the same", () => {
    const text = '# HELP jobs Jobs done.\n# TYPE jobs counter\njobs{model="resnet",version="1"} 3 1700000000000\njobs 0.5e3\n';
    const lines = page(scraped(text)).split("\n");
    expect(lines).toContain(`jobs{${LABELS},exported_model="resnet",version="1"} 3`);
    expect(lines).toContain(`jobs{${LABELS}} 0.5e3`);
    expect(lines.filter((line) => line.startsWith("# ") && line.includes(" jobs "))).toEqual([
      "# HELP jobs Jobs done.",
      "# TYPE jobs counter",
    ]);
  });

  it("join the families of this page and of each other", () => {
    const text = [
      "# TYPE process_cpu_seconds_total counter",
      "process_cpu_seconds_total 7",
      "# HELP lag Mine.",
      "# TYPE lag histogram",
      'lag_bucket{le="+Inf"} 1',
      "lag_sum 1",
      "lag_count 1",
      "jobs 1",
    ].join("\n");
    const whole = page(scraped(text), scraped(text, "wine"));
    expect(faultsOf(whole)).toEqual([]);
    const lines = whole.split("\n");
    const at = lines.indexOf("process_cpu_seconds_total 4");
    expect(lines[at + 1]).toBe(`process_cpu_seconds_total{${LABELS}} 7`);
    expect(whole).toContain(`lag_bucket{${LABELS},le="+Inf"} 1`);
    expect(whole.match(/# TYPE jobs untyped/g)).toHaveLength(1);
  });

  it("of another type than a name has already are left out, and counted", () => {
    const whole = page(
      scraped("# TYPE nitrous_up counter\nnitrous_up 1\n# TYPE jobs gauge\njobs 1\n"),
      scraped("# TYPE jobs counter\njobs 2\n", "wine"),
    );
    expect(faultsOf(whole)).toEqual([]);
    expect(whole).not.toContain(`nitrous_up{`);
    expect(whole).toContain(`nitrous_upstream_scrape_left_out{${LABELS}} 1`);
    expect(whole).toContain('nitrous_upstream_scrape_left_out{namespace="default",model="wine",runtime="mine",replica="0"} 1');
  });

  it("say whether they could be had", () => {
    const whole = page(scraped("jobs 1\n"), scraped(undefined, "dead"), scraped("<html>\nno\n", "page"), scraped("", "empty"));
    const success = [...whole.matchAll(/nitrous_upstream_scrape_success\{.*model="(\w+)".*\} (\d)/g)].map(([, model, value]) => [
      model,
      value,
    ]);
    expect(success).toEqual([
      ["iris", "1"],
      ["dead", "0"],
      ["page", "0"],
      ["empty", "1"],
    ]);
    expect(whole).toContain(`nitrous_upstream_scrape_seconds{${LABELS}} 0.25`);
  });

  it("leave the page as it is where there are none", () => {
    expect(page()).toBe(OWN);
  });

  it("make a page that a monitor takes, whatever servers say", () => {
    const name = fc.constantFrom("a", "b", "a_sum", "a_bucket", "a_count", "process_cpu_seconds_total", "nitrous_up", "lag", "lag_sum");
    const type = fc.constantFrom("counter", "gauge", "histogram", "summary", "untyped", "odd");
    const line = fc.oneof(
      fc.tuple(name, type).map(([of, kind]) => `# TYPE ${of} ${kind}`),
      fc.tuple(name, fc.string({ maxLength: 9 })).map(([of, help]) => `# HELP ${of} ${help.replace(/[\n\r]/g, "")}`),
      fc
        .tuple(
          name,
          fc.constantFrom("", '{x="1"}', '{le="1"}', '{model="\\"q\\\\"}', "{broken"),
          fc.constantFrom("1", "+Inf", "NaN", "-0.5e-3", "no"),
        )
        .map((each) => `${each[0]}${each[1]} ${each[2]}`),
      fc.string({ maxLength: 30 }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(line, { maxLength: 12 }), { maxLength: 3 }), (servers) => {
        const whole = page(...servers.map((lines, index) => scraped(lines.join("\n"), `m${index}`)));
        expect(faultsOf(whole)).toEqual([]);
      }),
    );
  });
});

describe("parseExposition", () => {
  it("reads what it writes", () => {
    const text = 'a{b="c\\n\\"d\\\\",e=""} -1.5e+7';
    const { families, broken } = parseExposition(`${text}\n`);
    expect([families.flatMap(({ samples }) => samples.map((sample) => renderSample(sample, {}))), broken]).toEqual([[text], 0]);
  });

  it.each(["a{", "a{b} 1", 'a{b="c} 1', "a", "1a 3", 'a{b="1",b="2"} 1', 'a{b="1" c="2"} 1', "a one"])("leaves %s out", (line) => {
    expect(parseExposition(line)).toEqual({ families: [], broken: 1 });
  });

  it("takes OpenMetrics' exemplars and ends off", () => {
    const { families, broken } = parseExposition(
      '# TYPE a histogram\na_bucket{le="1"} 3 # {trace_id="x"} 0.5 1700000000\na_sum 1\na_count 3\n# EOF\n',
    );
    expect([families.map(({ name, samples }) => [name, samples.length]), broken]).toEqual([[["a", 3]], 0]);
  });

  it("takes no longer for lines that are made to take long", () => {
    const hostile = `a{${'b="c",'.repeat(50_000)}d 1\na{${'b="'.repeat(50_000)}\n${"\\".repeat(100_000)}`;
    expect(parseExposition(hostile).families).toEqual([]);
  });
});
