import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import { encodeInferRequest, ModelInferResponseSchema, readInferMessage, readInferResponse } from "./index.ts";

describe("inference messages", () => {
  const name = fc.string({ maxLength: 8 });
  const tensor = fc.oneof(
    fc
      .record({ name, datatype: fc.constant("INT16" as const), data: fc.uint8Array({ maxLength: 40 }) })
      .map(({ name: given, datatype, data }): Tensor => {
        const count = data.length >> 1;
        return { name: given, datatype, shape: [count], data: data.slice(0, count * 2) };
      }),
    fc
      .record({ name, data: fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 5 }) })
      .map(({ name: given, data }): Tensor => ({ name: given, datatype: "BYTES", shape: [data.length, 1], data })),
  );

  it("say what was asked, whatever it is", () => {
    fc.assert(
      fc.property(fc.array(tensor, { maxLength: 4 }), fc.array(name, { maxLength: 3 }), (list, outputs) => {
        const bytes = Buffer.concat([
          ...encodeInferRequest({ modelName: "m", tensors: list, outputs, parameters: { at: 2n ** 63n, x: 0.5 } }),
        ]);
        const message = readInferMessage(bytes);
        expect(message).toMatchObject({ modelName: "m", parameters: { at: 2n ** 63n, x: 0.5 } });
        expect(message.outputs.map((output) => output.name)).toEqual(outputs);
        const response = toBinary(
          ModelInferResponseSchema,
          create(ModelInferResponseSchema, {
            outputs: message.inputs.map(({ name: given, datatype, shape }) => ({ name: given, datatype, shape: shape.map(BigInt) })),
            rawOutputContents: message.raw,
          }),
        );
        const plain = ({ data, ...rest }: Tensor): object => ({
          ...rest,
          data: [...data].map((each) => (typeof each === "number" ? each : [...each])),
        });
        expect(readInferResponse(response).tensors.map(plain)).toEqual(list.map(plain));
      }),
    );
  });

  it("of strangers are read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readInferResponse(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
        }
      }),
    );
  });
});
