"""What a fitted scikit-learn estimator expects of a data frame."""

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

import numpy as np

from ..payload import Request

if TYPE_CHECKING:
    import pandas as pd


def frame_columns(estimator: Any, names: Optional[List[str]]) -> Optional[Dict[str, dict]]:
    """Datatype and an example value of each column, for estimators that select columns by name or hold strings.

    None when a plain matrix will do.
    """
    if names is None:
        return None
    columns = {name: {"datatype": "FP64", "example": 0.0} for name in names}
    needs_frame = False
    for step in _steps(estimator):
        for transformer, selected in _selections(step):
            needs_frame = True
            for name, example in _examples(transformer, _names(selected, names)):
                columns[name] = example
        for name, example in _examples(step, names):
            needs_frame = needs_frame or example["datatype"] == "BYTES"
            columns[name] = example
        if needs_frame:
            break
    return columns if needs_frame else None


def _steps(estimator: Any) -> Iterator[Any]:
    """The estimator, or the first step of a pipeline, which sees the frame as it came."""
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[0][1]
    yield estimator


def _selections(step: Any) -> Iterator[Tuple[Any, Any]]:
    for entry in getattr(step, "transformers_", ()):
        _, transformer, selected = entry
        yield transformer, selected


def _names(selected: Any, names: List[str]) -> List[str]:
    if isinstance(selected, str):
        return [selected]
    if isinstance(selected, slice):
        return names[selected]
    chosen = list(np.asarray(selected))
    if chosen and isinstance(chosen[0], (bool, np.bool_)):
        return [name for name, keep in zip(names, chosen) if keep]
    return [names[item] if isinstance(item, (int, np.integer)) else str(item) for item in chosen]


def _examples(transformer: Any, names: List[str]) -> Iterator[Tuple[str, dict]]:
    """Categories tell both a column's type and a value that it can have."""
    first = next(_steps(transformer)) if hasattr(transformer, "steps") else transformer
    chain = [step for _, step in getattr(transformer, "steps", [])] or [first]
    for step in chain:
        categories = getattr(step, "categories_", None)
        if categories is not None and len(categories) == len(names):
            for name, values in zip(names, categories):
                known = [value for value in values if value is not None and value == value]
                text = np.asarray(values).dtype.kind in "OUS" and all(isinstance(value, (str, bytes)) for value in known)
                example = known[0] if known else ("" if text else 0.0)
                yield name, {"datatype": "BYTES" if text else "FP64", "example": str(example) if text else float(example)}
            return
        for attribute in ("mean_", "center_", "statistics_"):
            values = getattr(step, attribute, None)
            if values is not None and len(values) == len(names) and np.asarray(values).dtype.kind == "f":
                for name, value in zip(names, values):
                    yield name, {"datatype": "FP64", "example": float(value)}
                return


def example_frame(columns: Dict[str, dict]) -> List[dict]:
    """One row as Open Inference Protocol inputs, a tensor per column."""
    return [
        {"name": name, "shape": [1], "datatype": column["datatype"], "data": [column["example"]]} for name, column in columns.items()
    ]


def make_frame(request: Request, columns: Optional[List[str]]) -> "pd.DataFrame":
    """The request as a data frame with the columns in the order of the training."""
    import pandas as pd  # Half a second and 40 MB that models without columns do without.

    if request.arrays is not None:
        frame = pd.DataFrame({name: array.reshape(-1) for name, array in request.arrays.items()}, copy=False)
    elif request.columns is not None:
        frame = pd.DataFrame(request.columns)
    elif isinstance(request.rows, np.ndarray) or (request.rows and isinstance(request.rows[0], (list, tuple))):
        return pd.DataFrame(request.rows, columns=columns)
    else:
        frame = pd.DataFrame(request.rows)
    return frame if columns is None else frame[columns]
