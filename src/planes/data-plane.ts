import type { RateLimiter } from "../core/access.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { InferRequest, InferResponse } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { DataPlane } from "../core/planes.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Signature } from "../core/signature.ts";
import { bind, type Registry } from "../models/index.ts";
import { explained, findModel } from "./held-model.ts";

/** The door for requests: find the model, bind the payload to its method, schedule. */
export function createDataPlane(registry: Registry, clock: Clock, limitRate: RateLimiter): DataPlane {
  return {
    admit(target, declaredBytes, context) {
      const model = findModel(registry, target, context);
      note(model.spec, context);
      limitRate(context.principal, model.spec, model.spec.scheduling?.rateLimit);
      model.admit(declaredBytes, context);
    },
    async infer(request): Promise<InferResponse> {
      const { target, context } = request;
      const model = findModel(registry, target, context);
      const { name, version } = model.spec;
      note(model.spec, context);
      const answer = { modelName: name, modelVersion: version, modelId: model.id };
      try {
        await model.activate(context, clock);
        const { name: method, signature } = model.method(target.method);
        checkOutputs(request, signature);
        const call = callOf(request, method, signature);
        if (signature.streaming === true) return { ...answer, output: model.scheduler.stream(call, context) };
        const { payload } = await model.scheduler.run(call, signature, context);
        return { ...answer, output: payload };
      } catch (error) {
        throw explained(error, registry, target, context);
      }
    },
    async signature(target, context) {
      const model = findModel(registry, target, context);
      try {
        await model.activate(context, clock);
      } catch (error) {
        throw explained(error, registry, target, context);
      }
      return model.method(target.method).signature;
    },
  };
}

/** Whose request it is, for whoever counts it: also when it is refused before its body is read. */
function note({ namespace, name, version }: ModelSpec, { record }: RequestContext): void {
  record.namespace = namespace;
  record.model = name;
  record.version = version;
}

function callOf({ target, payload, outputs, parameters, boundTo }: InferRequest, method: string, signature: Signature): ReplicaCall {
  return {
    method,
    payload: boundTo === signature ? payload : bind(payload, signature, target.name, parameters),
    ...(outputs === undefined ? {} : { outputs }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

/** @throws ServeError INVALID_ARGUMENT for an output that the method does not have, or that is asked for twice */
function checkOutputs({ outputs, target }: InferRequest, signature: Signature): void {
  if (outputs === undefined || signature.outputs.length === 0) return;
  const names = signature.outputs.map((output) => output.name);
  outputs.forEach((name, index) => {
    if (!names.includes(name)) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `unexpected inference output '${name}' for model '${target.name}'; it has ${names.join(", ")}`,
      );
    }
    if (outputs.indexOf(name) !== index) throw new ServeError("INVALID_ARGUMENT", `output '${name}' already exists in request`);
  });
}
