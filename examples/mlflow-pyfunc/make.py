"""
Makes the folder `model` with MLflow: the PythonModel of greeter.py, which is code, with a signature that has parameters. With
--expected it prints what mlflow.pyfunc answers to request.json.

    pip install mlflow-skinny pandas
    python make.py
"""

import json
import shutil
import sys
from pathlib import Path

import mlflow.pyfunc
import pandas

HERE = Path(__file__).parent


def make() -> None:
    from mlflow.models import infer_signature

    frame = pandas.DataFrame({"name": ["Ada", "Alan"], "age": [36.0, 41.0]})
    parameters = {"greeting": "Hello", "times": 1}
    answer = pandas.DataFrame({"text": ["Hello, Ada!"], "age_in_months": [432.0]})
    shutil.rmtree(HERE / "model", ignore_errors=True)
    mlflow.pyfunc.save_model(
        HERE / "model",
        python_model=str(HERE / "greeter.py"),
        signature=infer_signature(frame, answer, params=parameters),
        input_example=(frame[:1], parameters),
        pip_requirements=[f"mlflow-skinny=={mlflow.__version__}", f"pandas=={pandas.__version__}"],
    )
    # Where the file was when the model was saved is nobody's business.
    description = HERE / "model" / "MLmodel"
    description.write_text(description.read_text().replace(f"{HERE}/", ""))


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())
    frame = pandas.DataFrame(request["instances"]).astype({"age": "float64"})
    answer = mlflow.pyfunc.load_model(str(HERE / "model")).predict(frame, params=request["parameters"])
    print(json.dumps({"predictions": answer.to_dict(orient="records")}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
