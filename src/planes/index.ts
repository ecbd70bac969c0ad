export { createControlPlane } from "./control-plane.ts";
export { createDataPlane } from "./data-plane.ts";
