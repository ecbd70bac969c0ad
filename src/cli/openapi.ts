import { describedRoutes } from "../described-routes.ts";
import type { Terminal } from "./terminal.ts";

/** `nitrous openapi`: the document that every server of this version has at `/openapi.json`. */
export async function openapiCommand(terminal: Terminal): Promise<void> {
  terminal.print(JSON.stringify(await describedRoutes(), undefined, 2));
}
