"""What XGBoost and LightGBM share: one matrix in, one array out."""

from typing import Any, Callable, Dict, List, Optional

import numpy as np

from ..errors import HostError
from ..example import inputs_of, output_specs, request_of, rows_are_independent
from ..payload import Request


class BoosterModel:
    """A boosted forest behind a function from a float matrix [rows, features] to its predictions."""

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], features: int, columns: Optional[List[str]], framework: tuple, example: Any):
        self._predict = predict
        self._features = features
        generated = inputs_of({"input-0": ("FP64", np.zeros((1, features)))})
        used = generated if example is None else example
        try:
            answer = self.call(request_of(used))
        except Exception as error:
            raise HostError("INVALID_ARGUMENT", f"it does not answer its example: {error}") from error
        two = np.vstack([np.zeros(features), np.ones(features)])
        signature: dict = {
            "accepts": "matrix",
            "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, features]}],
            "outputs": output_specs(answer),
            "convertsNumbers": True,
            "batchable": rows_are_independent(lambda rows: {"predict": predict(rows)}, two, lambda rows, index: rows[index]),
            "streaming": False,
        }
        if columns is not None:
            signature["columns"] = columns
        name, version = framework
        self.description = {"framework": name, "frameworkVersion": version, "warnings": [], "example": used, "methods": {"predict": signature}}

    def call(self, request: Request) -> Dict[str, np.ndarray]:
        if request.arrays is not None:
            matrix = next(iter(request.arrays.values()))
        else:
            matrix = np.asarray(request.rows, dtype=float)
        if matrix.dtype.kind not in "f":
            matrix = matrix.astype(np.float64)
        return {"predict": self._predict(matrix)}

    def stream(self, request: Request):
        raise HostError("UNIMPLEMENTED", "boosted forests do not stream")
