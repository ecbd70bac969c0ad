import { expect, it } from "vitest";
import { parseTraceParent } from "./trace-context.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = "00f067aa0ba902b7";

it("reads traceparent, also of later versions", () => {
  expect(parseTraceParent(`00-${trace}-${span}-01`)).toEqual({ traceId: trace, spanId: span, sampled: true });
  expect(parseTraceParent(`00-${trace}-${span}-02`)).toEqual({ traceId: trace, spanId: span, sampled: false });
  expect(parseTraceParent(`cc-${trace}-${span}-03-more`)).toEqual({ traceId: trace, spanId: span, sampled: true });
});

it.each([
  undefined,
  "",
  `ff-${trace}-${span}-01`,
  `00-${trace}-${span}-01-more`,
  `00-${"0".repeat(32)}-${span}-01`,
  `00-${trace}-${"0".repeat(16)}-01`,
  `00-${trace.toUpperCase()}-${span}-01`,
  `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
])("takes %s for none", (header) => {
  expect(parseTraceParent(header)).toBe(undefined);
});
