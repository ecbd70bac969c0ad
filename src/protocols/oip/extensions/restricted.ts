import { ServeError } from "../../../core/errors.ts";
import type { ApiCategory, Restrictions } from "../../../core/restricted-apis.ts";

/**
 * Of a part of the protocol that the operator has restricted, requests need a header with a value that few know.
 * @param header the value of a header, by its lower-case name
 * @throws ServeError PERMISSION_DENIED
 */
export function assertAllowed(restrictions: Restrictions, category: ApiCategory, header: (name: string) => unknown): void {
  const restriction = restrictions.get(category);
  if (restriction === undefined || header(restriction.header.toLowerCase()) === restriction.value) return;
  throw new ServeError("PERMISSION_DENIED", `This API is restricted, expecting header '${restriction.header}'`);
}
