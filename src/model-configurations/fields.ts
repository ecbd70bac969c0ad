import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { closestNames } from "../core/closest.ts";

/** Characters of a whole configuration; those of thousands of tensors are smaller. */
export const LONGEST_TEXT = 4 * 1048576;

/** A value as it stands in a message: of a repeated field one of its values. */
export type FieldValue = string | number | bigint | boolean;

interface WholeNumberBounds {
  readonly least: bigint;
  readonly most: bigint;
  /** In messages these are bigints. */
  readonly long: boolean;
}

/** The bounds of the whole numbers of a type; undefined for other types. */
export function wholeNumberBounds(type: ScalarType): WholeNumberBounds | undefined {
  switch (type) {
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { least: -(2n ** 31n), most: 2n ** 31n - 1n, long: false };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { least: 0n, most: 2n ** 32n - 1n, long: false };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { least: -(2n ** 63n), most: 2n ** 63n - 1n, long: true };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { least: 0n, most: 2n ** 64n - 1n, long: true };
    default:
      return undefined;
  }
}

/** What a field of this type holds when it is not set. */
export function zeroOf(type: ScalarType): FieldValue {
  if (type === ScalarType.BOOL) return false;
  if (type === ScalarType.STRING) return "";
  return wholeNumberBounds(type)?.long === true ? 0n : 0;
}

/** The number of an enumeration's value by its name; its names for messages when there is none. */
export function enumNumber({ values }: DescEnum, name: string, exact: boolean): number | undefined {
  return values.find((value) => value.name === name || (!exact && value.name.toLowerCase() === name.toLowerCase()))?.number;
}

export function enumNames({ values }: DescEnum): string {
  return values.map(({ name }) => name).join(", ");
}

/** What is said of a name that no field has. */
export function unknownField(message: DescMessage, name: string): string {
  const [closest] = closestNames(
    name,
    message.fields.map((field) => field.name),
  );
  return `${message.name} has no field ${JSON.stringify(name)}${closest === undefined ? "" : `; did you mean ${closest}?`}`;
}

/** What is said of a second field of a oneof. */
export function secondChoice(field: DescField, other: DescField): string {
  return `${field.name} cannot be there beside ${other.name}: there is one ${field.oneof?.name ?? ""}`;
}
