import { ServeError } from "../../../core/errors.ts";
import type { GrpcCall, GrpcMethod } from "../../../core/grpc.ts";
import type { Target } from "../../../core/inference.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import {
  type ModelRepositoryParameter,
  RepositoryIndexRequestSchema,
  RepositoryIndexResponseSchema,
  RepositoryModelLoadRequestSchema,
  RepositoryModelLoadResponseSchema,
  RepositoryModelUnloadRequestSchema,
  RepositoryModelUnloadResponseSchema,
} from "../../../grpc-messages/index.ts";
import { namespaceOf, unexpected } from "../../shared/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import type { LoadParameters } from "../extensions/load-override.ts";
import { loadModel, loadTarget, repositoryIndex, unloadModel } from "../extensions/repository.ts";
import { SERVICE, targetOfModel } from "./target.ts";
import { typedMethod } from "./typed-method.ts";

type Control = Pick<ControlPlane, "repository" | "names" | "versions">;

/** Triton's model repository extension, whose loads and unloads KServe's clients may ask for in their own form. */
export function createRepositoryMethods(controlPlane: Control, { profile }: Extensions): GrpcMethod[] {
  return [
    typedMethod({
      path: `${SERVICE}/RepositoryIndex`,
      access: "read",
      request: RepositoryIndexRequestSchema,
      response: RepositoryIndexResponseSchema,
      handle: ({ ready }, { metadata }) => ({
        models: repositoryIndex(controlPlane, namespaceOf({ params: {}, headers: metadata }), ready),
      }),
    }),
    typedMethod({
      path: `${SERVICE}/RepositoryModelLoad`,
      access: "admin",
      request: RepositoryModelLoadRequestSchema,
      response: RepositoryModelLoadResponseSchema,
      target: (request, call) =>
        loadTarget(controlPlane, request.modelName === "" ? request.repositoryName : request.modelName, () => targetIn(request, call)),
      async handle({ parameters }, { context }, target) {
        await loadModel(controlPlane, target, loadParameters(parameters), context, profile);
        return { modelName: target.name, isLoaded: true };
      },
    }),
    typedMethod({
      path: `${SERVICE}/RepositoryModelUnload`,
      access: "admin",
      request: RepositoryModelUnloadRequestSchema,
      response: RepositoryModelUnloadResponseSchema,
      target: targetIn,
      async handle({ parameters: { unload_dependents: dependents } }, _call, target) {
        const { case: kind, value } = dependents?.parameterChoice ?? {};
        if (kind !== undefined && kind !== "boolParam") throw unexpected("parameters.unload_dependents", "a boolean", String(value));
        await unloadModel(controlPlane, target, value === true, profile);
        return { modelName: target.name, isUnloaded: true };
      },
    }),
  ];
}

/** Triton's requests have the model in their second field and KServe's in their first. @throws ServeError */
function targetIn({ repositoryName, modelName }: { repositoryName: string; modelName: string }, { metadata }: GrpcCall): Target {
  if (repositoryName !== "" && modelName !== "") throw new ServeError("UNIMPLEMENTED", "'repository_name' specification is not supported");
  return targetOfModel(modelName === "" ? repositoryName : modelName, "", metadata);
}

/** @throws ServeError INVALID_ARGUMENT */
function loadParameters(parameters: Readonly<Record<string, ModelRepositoryParameter>>): LoadParameters | undefined {
  const entries = Object.entries(parameters);
  if (entries.length === 0) return undefined;
  return new Map(
    entries.map(([name, { parameterChoice: choice }]) => {
      const isFile = name.startsWith("file:");
      if (choice.case === (isFile ? "bytesParam" : "stringParam")) return [name, choice.value as string | Uint8Array];
      throw unexpected(`parameters.${name.slice(0, 100)}`, isFile ? "bytes_param" : "string_param", choice.case);
    }),
  );
}
