export { openShadows } from "./open.ts";
