export { createLargeJson, type LargeJson, type LargeJsonOptions } from "./large-json.ts";
