export { ClientRegions, type ClientRegionsOptions } from "./client-regions.ts";
