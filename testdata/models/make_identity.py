"""Makes identity/model.onnx: one output for one input of each datatype, all with a shared batch dimension.

Needs the package onnx; run in this folder.
"""

import onnx
from onnx import TensorProto, helper

TYPES = {
    "fp16": TensorProto.FLOAT16,
    "fp32": TensorProto.FLOAT,
    "fp64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int64": TensorProto.INT64,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "text": TensorProto.STRING,
}

inputs = [helper.make_tensor_value_info(name, kind, ["batch", 2]) for name, kind in TYPES.items()]
outputs = [helper.make_tensor_value_info(f"{name}_out", kind, ["batch", 2]) for name, kind in TYPES.items()]
nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in TYPES]
graph = helper.make_graph(nodes, "identity", inputs, outputs)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
onnx.save(model, "identity/model.onnx")
