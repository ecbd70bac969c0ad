export { median, percentile } from "./figures.ts";
export { createRandom } from "./random.ts";
export { parseRecording, type Recording } from "./recording.ts";
export type { Latency, LoadReport } from "./report.ts";
export type { LoadRequest } from "./request-bytes.ts";
export { ARRIVALS, type Arrivals, type LoadOrder, runLoad } from "./run.ts";
