export { createControlPlane } from "./control-plane.ts";
export { createDataPlane } from "./data-plane.ts";
export { ResponseCache } from "./response-cache.ts";
export { openShadows } from "./shadow/index.ts";
export { createTop } from "./top.ts";
