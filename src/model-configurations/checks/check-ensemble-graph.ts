import type { ModelConfig, ModelEnsembling } from "../../grpc-messages/index.ts";
import { ENSEMBLE } from "../backends.ts";
import { refusal } from "../refusal.ts";

/** A tensor of an ensemble: what steps make and others take. */
interface Node {
  readonly name: string;
  /** The step that makes it; undefined for inputs. */
  writer: Step | undefined;
  readonly users: Set<Step>;
  ready: boolean;
}

/** What of a step the tensors have to do with: never tensor with tensor, as a step may have thousands on either side. */
interface Step {
  readonly inputs: ReadonlySet<Node>;
  readonly outputs: Node[];
  /** Inputs that are not ready. */
  missing: number;
}

/**
 * Checks what an ensemble says by itself: every tensor is written once, reached from the inputs, and used.
 * @throws ServeError INVALID_ARGUMENT
 */
export function checkEnsembleGraph(config: ModelConfig): void {
  const { name, platform, schedulingChoice: scheduling } = config;
  if (scheduling.case !== "ensembleScheduling") {
    if (platform !== ENSEMBLE) return;
    throw refusal(`ensemble scheduling must be set for ensemble ${name} whose platform is ${ENSEMBLE}`);
  }
  if (platform !== ENSEMBLE) throw refusal(`ensemble scheduling cannot be set for model '${name}' whose platform is not ${ENSEMBLE}`);
  if (config.instanceGroup.length > 0) throw refusal(`instance group should not be specified for ensemble '${name}'`);
  if (config.optimization !== undefined) throw refusal(`optimization should not be specified for ensemble '${name}'`);
  if (config.modelWarmup.length > 0) throw refusal(`model_warmup can not be specified for ensemble '${name}'`);
  if (scheduling.value.step.length === 0) throw refusal(`must specify 'step' for ensemble '${name}'`);
  const nodes = graphOf(scheduling.value, name);
  checkFlow(config, nodes);
}

function graphOf({ step }: ModelEnsembling, ensemble: string): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  for (const [index, { modelName, inputMap, outputMap }] of step.entries()) {
    const where = `in step ${index} of ensemble '${ensemble}'`;
    if (modelName === "") throw refusal(`must specify 'model_name' ${where}`);
    if (Object.keys(inputMap).length === 0) throw refusal(`must specify 'input_map' ${where}`);
    if (Object.keys(outputMap).length === 0) throw refusal(`must specify 'output_map' ${where}`);
    const inputs = new Set(Object.values(inputMap).map((tensor) => nodeOf(nodes, tensor)));
    const own: Step = { inputs, outputs: [], missing: inputs.size };
    for (const input of inputs) input.users.add(own);
    for (const tensor of Object.values(outputMap)) {
      const node = nodeOf(nodes, tensor);
      if (node.writer !== undefined) {
        throw refusal(`ensemble tensor '${tensor}' can appear in an output map only once for ensemble '${ensemble}' step ${index}`);
      }
      node.writer = own;
      own.outputs.push(node);
    }
  }
  return nodes;
}

function nodeOf(nodes: Map<string, Node>, name: string): Node {
  const known = nodes.get(name);
  if (known !== undefined) return known;
  const node: Node = { name, writer: undefined, users: new Set(), ready: false };
  nodes.set(name, node);
  return node;
}

function checkFlow({ name, input, output }: ModelConfig, nodes: ReadonlyMap<string, Node>): void {
  const queue: Node[] = [];
  for (const tensor of input) {
    const node = nodes.get(tensor.name);
    if (node === undefined) throw refusal(`ensemble input '${tensor.name}' for ensemble ${name}' is not used`);
    if (!node.ready) queue.push(node);
    node.ready = true;
  }
  // It grows while it is gone through.
  for (const node of queue) {
    for (const step of node.users) {
      step.missing--;
      if (step.missing > 0) continue;
      for (const output of step.outputs) {
        if (!output.ready) queue.push(output);
        output.ready = true;
      }
    }
  }
  for (const tensor of output) {
    const node = nodes.get(tensor.name);
    if (node === undefined) throw refusal(`ensemble output '${tensor.name}' for ensemble ${name}' is not used`);
    if (!node.ready) throw notWritten(node, name);
  }
  const outputs = new Set(output.map((tensor) => tensor.name));
  for (const node of nodes.values()) {
    if (!outputs.has(node.name) && (!node.ready || node.users.size === 0)) {
      throw refusal(`ensemble tensor '${node.name}' is unused in ensemble '${name}'`);
    }
  }
}

/** Names the tensor that it waits for in the end. */
function notWritten(node: Node, ensemble: string): Error {
  const seen = new Set<Node>();
  let cause = node;
  for (let next: Node | undefined = node; next !== undefined; ) {
    const missing: Node | undefined = firstOf(next.writer?.inputs, (source) => !source.ready && !seen.has(source));
    if (missing !== undefined) {
      seen.add(missing);
      cause = missing;
    }
    next = missing;
  }
  const why = cause === node ? "" : `: at least one of its depending tensors, '${cause.name}', is not connected`;
  return refusal(`output '${node.name}' for ensemble '${ensemble}' is not written${why}`);
}

function firstOf(nodes: Iterable<Node> = [], suits: (node: Node) => boolean): Node | undefined {
  for (const node of nodes) if (suits(node)) return node;
  return undefined;
}
