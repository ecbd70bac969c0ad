import type { Code } from "../../core/errors.ts";

/** Whose clients a server is for, where KServe and Triton answer the same request differently. */
export type Profile = "kserve" | "triton";

/** What differs between the profiles. Everything else is answered in one way that satisfies both. */
export interface ProfileRules {
  /** Answers about health have JSON bodies; Triton's are empty. */
  readonly healthBodies: boolean;
  /** HTTP status of a server, or of a model, that is not ready. */
  readonly notReadyStatus: 503 | 400;
  /** Requests for a model that does not answer hear "has no available versions" and 404; else 503 and the reason. */
  readonly unavailableIsUnknown: boolean;
  /** Answers have an `id` also when the request had none. */
  readonly makesIds: boolean;
  /** A load with a file whose name no file system takes. */
  readonly overlongFile: Code;
  /** A load of a model that nobody knows. */
  readonly unknownLoad: Code;
  /** An unload of a model that nobody knows is an error. */
  readonly unknownUnloadFails: boolean;
  /** gRPC answers have raw contents, whatever form the request had. */
  readonly rawOutputs: boolean;
}

export const PROFILES: Readonly<Record<Profile, ProfileRules>> = {
  kserve: {
    healthBodies: true,
    notReadyStatus: 503,
    unavailableIsUnknown: false,
    makesIds: true,
    overlongFile: "INVALID_ARGUMENT",
    unknownLoad: "NOT_FOUND",
    unknownUnloadFails: true,
    rawOutputs: false,
  },
  triton: {
    healthBodies: false,
    notReadyStatus: 400,
    unavailableIsUnknown: true,
    makesIds: false,
    overlongFile: "INTERNAL",
    unknownLoad: "INTERNAL",
    unknownUnloadFails: false,
    rawOutputs: true,
  },
};
