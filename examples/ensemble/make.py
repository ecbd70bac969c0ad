"""Makes models/word-scores/1/model.onnx: pip install onnx numpy, then python make.py in this folder."""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

# In the order of the words in models/split-words/1/model.py.
SCORES = np.array([0, 1, 2, 2, 1, 0.5, -1, -2, -2, -1, -0.5], dtype=np.float32)

graph = helper.make_graph(
    [
        helper.make_node("Gather", ["scores", "words"], ["each"]),
        helper.make_node("ReduceSum", ["each", "axes"], ["score"], keepdims=1),
    ],
    "word-scores",
    [helper.make_tensor_value_info("words", TensorProto.INT64, ["batch", 16])],
    [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1])],
    [numpy_helper.from_array(SCORES, "scores"), numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")],
)
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
checker.check_model(model)
save(model, "models/word-scores/1/model.onnx")
