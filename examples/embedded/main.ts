// A program with a model of its own and one from a folder: npx tsx examples/embedded/main.ts
import { fileURLToPath } from "node:url";
import { createServer, defineModel, openHandle } from "nitrous";

const server = await createServer({ httpPort: 0 });
try {
  const lengths = await server.models.add(
    "lengths",
    defineModel({
      inputs: { text: "BYTES[-1]" },
      outputs: { length: "INT32[-1]" },
      batchable: true,
      example: { instances: ["warm-up"] },
      predict: ({ text }) => ({ length: Int32Array.from(text.data, (each) => each.length) }),
    }),
  );
  const { length } = await lengths.run({ text: ["to", "be"] });
  console.log("lengths", [...length.data]);

  await server.models.addPath(fileURLToPath(new URL("../models/iris-onnx", import.meta.url)));
  const flowers = [
    [5.1, 3.5, 1.4, 0.2],
    [6.7, 3.0, 5.2, 2.3],
  ];
  const iris = server.handle("iris-onnx");
  for await (const { label } of iris.map(flowers.map((flower) => [flower]))) console.log("iris", label?.data[0]);

  // Other programs ask over HTTP; a handle there is the same.
  const remote = openHandle(await server.listen(), "lengths");
  console.log("over HTTP", await remote.run(["or", "not"]));
} finally {
  await server.close();
}
