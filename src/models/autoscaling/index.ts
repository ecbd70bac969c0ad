export { Autoscaler } from "./autoscaler.ts";
