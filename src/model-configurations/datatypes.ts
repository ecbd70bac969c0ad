import { type Datatype, isDatatype } from "../core/tensor.ts";
import { type DataType, DataTypeSchema } from "../grpc-messages/index.ts";

const PREFIX = "TYPE_";

/** Undefined for TYPE_INVALID, which is what a tensor has that says nothing. */
export function datatypeOf(number: DataType): Datatype | undefined {
  const name = datatypeName(number).slice(PREFIX.length);
  if (name === "STRING") return "BYTES";
  return isDatatype(name) ? name : undefined;
}

/** Such as TYPE_FP32. */
export function datatypeName(number: DataType): string {
  return DataTypeSchema.values.find((value) => value.number === number)?.name ?? `${PREFIX}INVALID`;
}

/** The name that configurations have for a datatype, such as TYPE_STRING for BYTES. */
export function configuredDatatype(datatype: Datatype): string {
  return `${PREFIX}${datatype === "BYTES" ? "STRING" : datatype}`;
}
