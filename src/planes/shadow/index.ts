export { followShadows } from "./follow.ts";
export { Shadows } from "./shadows.ts";
