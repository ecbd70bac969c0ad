export { createControlPlane } from "./control-plane.ts";
export { createDataPlane } from "./data-plane.ts";
export { createTop } from "./top.ts";
