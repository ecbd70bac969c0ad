import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { messageOf, ServeError } from "../core/errors.ts";

/** What `read` makes of the bytes of a message. @throws ServeError INVALID_ARGUMENT for what the library finds wrong with them */
export function parsed<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServeError) throw error;
    throw new ServeError("INVALID_ARGUMENT", `the message is no ${name}: ${messageOf(error)}`);
  }
}

/** @throws ServeError INVALID_ARGUMENT for bytes that are no such message */
export function readMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  return parsed(schema.name, () => fromBinary(schema, bytes));
}

export function writeMessage<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Uint8Array {
  return toBinary(schema, create(schema, message));
}
