"""
A graph with several inputs and outputs: numbers through weights that lie in a file beside it (model.onnx.data), rounded to half precision, text,
and 64-bit numbers as they came. With --expected: what ONNX Runtime for Python answers to request.json.
Needs: onnx onnxruntime numpy
"""

import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "model", "model.onnx")


def make() -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["values", "weights"], ["product"]),
            helper.make_node("Tanh", ["product"], ["scores"]),
            helper.make_node("Cast", ["scores"], ["rounded"], to=TensorProto.FLOAT16),
            helper.make_node("Cast", ["rounded"], ["half"], to=TensorProto.FLOAT),
            helper.make_node("Greater", ["scores", "zero"], ["positive"]),
            helper.make_node("Identity", ["label"], ["label_out"]),
            helper.make_node("Identity", ["count"], ["count_out"]),
        ],
        "labels",
        [
            helper.make_tensor_value_info("values", TensorProto.FLOAT, ["rows", 3]),
            helper.make_tensor_value_info("label", TensorProto.STRING, ["rows", 1]),
            helper.make_tensor_value_info("count", TensorProto.INT64, ["rows", 1]),
        ],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("half", TensorProto.FLOAT, ["rows", 4]),
            helper.make_tensor_value_info("positive", TensorProto.BOOL, ["rows", 4]),
            helper.make_tensor_value_info("label_out", TensorProto.STRING, ["rows", 1]),
            helper.make_tensor_value_info("count_out", TensorProto.INT64, ["rows", 1]),
        ],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.zeros(1, np.float32), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    os.makedirs(os.path.dirname(PATH), exist_ok=True)
    external = {"save_as_external_data": True, "location": "model.onnx.data", "size_threshold": 0}
    onnx.save_model(model, PATH, all_tensors_to_one_file=True, **external)


def expected() -> None:
    import onnxruntime

    types = {"FP32": np.float32, "BYTES": object, "INT64": np.int64}
    with open(os.path.join(HERE, "request.json"), encoding="utf-8") as file:
        inputs = json.load(file)["inputs"]
    feeds = {each["name"]: np.array(each["data"], types[each["datatype"]]).reshape(each["shape"]) for each in inputs}
    session = onnxruntime.InferenceSession(PATH, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    datatypes = {"float32": "FP32", "bool": "BOOL", "object": "BYTES", "int64": "INT64"}
    outputs = [
        {"name": name, "datatype": datatypes[str(value.dtype)], "shape": list(value.shape), "data": value.ravel().tolist()}
        for name, value in zip(names, session.run(names, feeds))
    ]
    print(json.dumps({"outputs": outputs}))


if "--expected" in sys.argv:
    expected()
else:
    make()
