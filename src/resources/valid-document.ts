import type { JsonObject } from "../core/inference.ts";
import type { ResourceKind } from "../core/resource.ts";

/** A document that says everything that a resource needs and nothing unknown, as its writer wrote it. */
export interface ValidDocument {
  readonly apiVersion: string;
  readonly kind: ResourceKind;
  readonly metadata: {
    readonly name: string;
    /** Filled in for namespaced kinds. */
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: JsonObject;
}
