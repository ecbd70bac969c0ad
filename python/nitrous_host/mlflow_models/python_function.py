"""Models that only MLflow itself can load, such as a PythonModel: code, which somebody has trusted before this is called."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.mlflow_models.predictor import Predictor
from nitrous_host.warmup import Framework

# MLflow's names for what is wrong with a request.
BAD_REQUESTS = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST"})
# Serving reports to nobody, and whoever trusts the folder has allowed its pickles.
SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true"}


def load(model: MLmodel) -> Predictor:
    """Raises HostError FAILED_PRECONDITION for what fails while MLflow loads the model, and ImportError for a missing package."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    try:
        loaded = mlflow.pyfunc.load_model(model.directory, suppress_warnings=True, **_configuration())
    except (ImportError, MemoryError, HostError):
        raise
    except Exception as error:
        raise HostError("FAILED_PRECONDITION", f"MLflow cannot load the model: {summary(error)}", trace(error)) from error

    def predict(data: Any, parameters: dict[str, Any]) -> Any:
        try:
            return loaded.predict(data, params=parameters or None)
        except MlflowException as error:
            raise _refusal(error) from error

    def stream(data: Any, parameters: dict[str, Any]) -> Iterator[Any]:
        try:
            yield from loaded.predict_stream(data, params=parameters or None)
        except MlflowException as error:
            raise _refusal(error) from error

    warnings = [] if model.made_with in (None, mlflow.__version__) else [f"made with MLflow {model.made_with}, served with {mlflow.__version__}"]
    streams = model.function.get("streamable") is True
    return Predictor(Framework("mlflow", mlflow.__version__, warnings), predict, misfits=(), stream=stream if streams else None)


def _configuration() -> dict[str, Any]:
    """As MLflow's own server reads it. Raises HostError INVALID_ARGUMENT."""
    text = os.environ.get("SERVING_MODEL_CONFIG")
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"the variable SERVING_MODEL_CONFIG is not JSON: {error}") from error
    return {"model_config": value}


def _refusal(error: Any) -> HostError:
    # MLflow's own text repeats all of the data before it says what is wrong with it.
    message = str(error.message).rpartition("Error: ")[2]
    code = "INVALID_ARGUMENT" if error.error_code in BAD_REQUESTS else "INTERNAL"
    return HostError(code, message[:2000], trace(error))
