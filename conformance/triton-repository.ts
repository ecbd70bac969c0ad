import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type GraphValue, onnxGraph } from "../test/onnx-graph.ts";

const input = (name: string, type = "INT32", dims = "1"): string => `input { name: "${name}" data_type: TYPE_${type} dims: [ ${dims} ] }\n`;
const output = (name: string, type = "INT32", dims = "1", rest = ""): string =>
  `output { name: "${name}" data_type: TYPE_${type} dims: [ ${dims} ] ${rest} }\n`;
const flag = (name: string): string =>
  `control_input { name: "${name}" control { kind: CONTROL_SEQUENCE_${name} int32_false_true: [ 0, 1 ] } }\n`;
const id = (type: string): string => `control_input { name: "ID" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_${type} } }\n`;
const OLDEST = "oldest { max_candidate_sequences: 64 max_queue_delay_microseconds: 2000 }\n";

const columns = (type: GraphValue["type"], width: number, ...names: string[]): GraphValue[] =>
  names.map((name) => ({ name, type, shape: ["rows", width] }));

const PYTHON = "import numpy as np\nimport triton_python_backend_utils as pb_utils\n\n\nclass TritonPythonModel:\n";

/** The models that Triton's example clients ask, as far as they show different things, made anew. */
const FILES: Readonly<Record<string, string | Buffer>> = {
  "add_sub/config.pbtxt": `platform: "onnxruntime_onnx"\nmax_batch_size: 8\ndynamic_batching { }\n${input("A", "INT32", "16")}${input("B", "INT32", "16")}${output("SUM", "INT32", "16")}${output("DIFFERENCE", "INT32", "16")}`,
  "add_sub/1/model.onnx": onnxGraph({
    nodes: [
      { operator: "Add", inputs: ["A", "B"], outputs: ["SUM"] },
      { operator: "Sub", inputs: ["A", "B"], outputs: ["DIFFERENCE"] },
    ],
    inputs: columns("INT32", 16, "A", "B"),
    outputs: columns("INT32", 16, "SUM", "DIFFERENCE"),
  }),
  // Clients see no dimension of rows, the graph has one.
  "labelled/config.pbtxt": `backend: "onnxruntime"\nmax_batch_size: 0\ninput { name: "SCORES" data_type: TYPE_FP32 dims: [ 3 ] reshape { shape: [ 1, 3 ] } }\n${output("CLASSES", "FP32", "3", 'reshape { shape: [ 1, 3 ] } label_filename: "labels.txt"')}`,
  "labelled/labels.txt": "cat\ndog\nhorse\n",
  "labelled/1/model.onnx": onnxGraph({
    nodes: [{ operator: "Softmax", inputs: ["SCORES"], outputs: ["CLASSES"] }],
    inputs: [{ name: "SCORES", type: "FLOAT", shape: [1, 3] }],
    outputs: [{ name: "CLASSES", type: "FLOAT", shape: [1, 3] }],
  }),
  "steps/config.pbtxt": `platform: "onnxruntime_onnx"\nmax_batch_size: 8\nsequence_batching {\n${flag("START")}${flag("READY")}}\n${input("IN")}${output("OUT")}`,
  "steps/1/model.onnx": onnxGraph({
    nodes: [
      { operator: "Add", inputs: ["IN", "START"], outputs: ["sum"] },
      { operator: "Mul", inputs: ["sum", "READY"], outputs: ["OUT"] },
    ],
    inputs: columns("INT32", 1, "IN", "START", "READY"),
    outputs: columns("INT32", 1, "OUT"),
  }),
  "totals/config.pbtxt": `platform: "onnxruntime_onnx"\nmax_batch_size: 8\nsequence_batching {\n${OLDEST}${id("INT64")}state { input_name: "BEFORE" output_name: "AFTER" data_type: TYPE_INT32 dims: [ 1 ] }\n}\ninstance_group { count: 2 kind: KIND_CPU }\n${input("IN")}${output("OUT")}${output("WHOSE", "INT64")}`,
  "totals/1/model.onnx": onnxGraph({
    nodes: [
      { operator: "Add", inputs: ["IN", "BEFORE"], outputs: ["AFTER"] },
      { operator: "Identity", inputs: ["AFTER"], outputs: ["OUT"] },
      { operator: "Identity", inputs: ["ID"], outputs: ["WHOSE"] },
    ],
    inputs: [...columns("INT32", 1, "IN", "BEFORE"), ...columns("INT64", 1, "ID")],
    outputs: [...columns("INT32", 1, "OUT", "AFTER"), ...columns("INT64", 1, "WHOSE")],
  }),
  "totals_of_texts/config.pbtxt": `backend: "python"\nmax_batch_size: 8\nsequence_batching {\n${OLDEST}${flag("START")}${flag("END")}${id("STRING")}}\n${input("IN")}${output("OUT")}`,
  "totals_of_texts/1/model.py": `${PYTHON}    def initialize(self, args):
        self.totals = {}

    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([[self.next(request)]], np.int32))]) for request in requests]

    def next(self, request):
        value, start, end, id = [pb_utils.get_input_tensor_by_name(request, name).as_numpy().item() for name in ("IN", "START", "END", "ID")]
        total = value if start else self.totals[id] + value
        self.totals[id] = total
        return total + len(id) if end else total
`,
  "texts/config.pbtxt": `backend: "python"\nmax_batch_size: 8\n${input("IN", "STRING", "-1")}${output("OUT", "STRING", "-1")}`,
  "texts/1/model.py": `${PYTHON}    def execute(self, requests):
        texts = [pb_utils.get_input_tensor_by_name(request, "IN").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", text)]) for text in texts]
`,
  "echoes/config.pbtxt": `backend: "python"\nmax_batch_size: 0\nmodel_transaction_policy { decoupled: true }\n${input("IN", "INT32", "-1")}${output("OUT")}`,
  "echoes/1/model.py": `${PYTHON}    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            for value in pb_utils.get_input_tensor_by_name(request, "IN").as_numpy():
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([value], np.int32))]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
`,
  "twice/config.pbtxt": `platform: "ensemble"\nmax_batch_size: 8\n${input("A", "INT32", "16")}${input("B", "INT32", "16")}${output("A2", "INT32", "16")}${output("B2", "INT32", "16")}ensemble_scheduling {
  step {
    model_name: "add_sub" model_version: -1
    input_map { key: "A" value: "A" } input_map { key: "B" value: "B" }
    output_map { key: "SUM" value: "sum" } output_map { key: "DIFFERENCE" value: "difference" }
  }
  step {
    model_name: "add_sub" model_version: -1
    input_map { key: "A" value: "sum" } input_map { key: "B" value: "difference" }
    output_map { key: "SUM" value: "A2" } output_map { key: "DIFFERENCE" value: "B2" }
  }
}
`,
  "twice/1/.keep": "",
};

/** Writes the repository into a folder. */
export async function writeTritonRepository(folder: string): Promise<void> {
  for (const [path, content] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
