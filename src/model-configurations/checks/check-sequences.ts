import {
  DataType,
  ModelSequenceBatching_Control_Kind as Kind,
  type ModelSequenceBatching,
  type ModelSequenceBatching_Control,
  ModelSequenceBatching_Control_KindSchema,
  type ModelSequenceBatching_State,
} from "../../grpc-messages/index.ts";
import { datatypeName } from "../datatypes.ts";
import { refusal } from "../refusal.ts";

const ID_TYPES: readonly DataType[] = [
  DataType.TYPE_UINT64,
  DataType.TYPE_INT64,
  DataType.TYPE_UINT32,
  DataType.TYPE_INT32,
  DataType.TYPE_STRING,
];

/** Checks controls and states. @throws ServeError INVALID_ARGUMENT */
export function checkSequences({ controlInput, state }: ModelSequenceBatching, model: string): void {
  const tensors = new Set<string>();
  const kinds = new Set<Kind>();
  for (const { name, control } of controlInput) {
    if (name === "") throw refusal(`sequence batching control tensor must have a name for ${model}`);
    if (tensors.has(name)) throw refusal(`sequence batching control tensor '${name}' is specified for multiple control kinds for ${model}`);
    tensors.add(name);
    // A tensor can hold one of them only.
    if (control.length > 1)
      throw refusal(`sequence batching control tensor '${name}' is specified for multiple control kinds for ${model}`);
    for (const each of control) {
      const kind = kindName(each.kind);
      if (kinds.has(each.kind)) throw refusal(`sequence batching specifies multiple ${kind} tensors for ${model}`);
      kinds.add(each.kind);
      if (each.kind === Kind.CONTROL_SEQUENCE_CORRID) checkId(each, kind, model);
      else checkValues(each, kind, model);
    }
  }
  const inputs = new Set<string>();
  for (const each of state) {
    if (inputs.has(each.inputName)) throw refusal(`State input name '${each.inputName}' specified more than once. for ${model}`);
    inputs.add(each.inputName);
    checkState(each, model);
  }
}

function checkValues({ int32FalseTrue, fp32FalseTrue, boolFalseTrue }: ModelSequenceBatching_Control, kind: string, model: string): void {
  const given = Object.entries({ int32_false_true: int32FalseTrue, fp32_false_true: fp32FalseTrue, bool_false_true: boolFalseTrue }).filter(
    ([, values]) => values.length > 0,
  );
  const names = "'int32_false_true', 'fp32_false_true' and 'bool_false_true'";
  const [first, second] = given;
  if (first === undefined)
    throw refusal(`sequence batching must specify either ${names.replace(" and ", " or ")} for ${kind} for ${model}`);
  if (second !== undefined) throw refusal(`sequence batching specifies more than one from ${names} for ${kind} for ${model}`);
  if (first[1].length !== 2) {
    throw refusal(`sequence batching control '${first[0]}' must have exactly 2 entries for ${kind} for ${model}`);
  }
}

function checkId(control: ModelSequenceBatching_Control, kind: string, model: string): void {
  if (control.int32FalseTrue.length + control.fp32FalseTrue.length + control.boolFalseTrue.length > 0) {
    throw refusal(
      `sequence batching must not specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for ${kind} for ${model}`,
    );
  }
  if (!ID_TYPES.includes(control.dataType)) {
    const allowed = ID_TYPES.map(datatypeName);
    throw refusal(
      `unexpected data type for control ${kind} for ${model}. Allowed data types are ${allowed.slice(0, -1).join(", ")} and ${allowed.at(-1)}`,
    );
  }
}

function checkState({ inputName, outputName, dataType, dims, initialState }: ModelSequenceBatching_State, model: string): void {
  if (inputName === "" || outputName === "") throw refusal(`sequence state must specify 'input_name' and 'output_name' for ${model}`);
  const named = `state input '${inputName}'`;
  if (dataType === DataType.TYPE_INVALID) throw refusal(`${named} must specify 'data_type' for ${model}`);
  if (!dims.every((dimension) => dimension === -1n || dimension >= 1n)) {
    throw refusal(`${named} dimension must be integer >= 1, or -1 to indicate a variable-size dimension for ${model}`);
  }
  const [initial, second] = initialState;
  if (initial === undefined) return;
  if (second !== undefined) {
    throw refusal(`initial_state field for ${named} must contain exactly one or zero element. Found '${initialState.length}' elements.`);
  }
  if (initial.name === "") throw refusal(`Field 'name' must be set when using initial_state for ${named}.`);
  if (initial.dataType !== dataType) {
    throw refusal(`The data type used for 'initial_state' field of state '${inputName}' does not match the state data type.`);
  }
  if (initial.dims.length !== dims.length) {
    throw refusal(
      `Number of dimensions in 'initial_state' doesn't match the size of 'state' dimensions for ${named}. ${initial.dims.length} != ${dims.length}`,
    );
  }
  for (const [index, dimension] of initial.dims.entries()) {
    if (dimension < 1n) throw refusal(`'initial_state' field for state input name '${inputName}' contains variable dimensions.`);
    const declared = dims[index];
    if (declared !== -1n && declared !== dimension) {
      throw refusal(`'initial_state' dim for input name '${inputName}' doesn't match 'state' dim description. ${dimension} != ${declared}`);
    }
  }
  if (initial.stateData.case === undefined)
    throw refusal(`initial_state for ${named} must specify 'zero_data' or 'data_file' for ${model}`);
}

function kindName(kind: Kind): string {
  return ModelSequenceBatching_Control_KindSchema.values.find(({ number }) => number === kind)?.name ?? String(kind);
}
