"""
Saves a small model of each flavour with MLflow, and asks it twice: through mlflow.pyfunc and through the host's own loader. Prints
one line of JSON: for each, whether the answers are equal, whether MLflow was left out, and times in milliseconds.

    python mlflow_flavors.py FOLDER_OF_NITROUS_HOST tabular|pytorch|keras
"""

import dataclasses
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
sys.path.insert(0, sys.argv[1])

import mlflow.pyfunc
import numpy
import pandas
from mlflow.models import infer_signature

from nitrous_host.errors import HostError
from nitrous_host.formats.mlflow import load
from nitrous_host.mlflow_models.flavors import is_direct
from nitrous_host.mlflow_models.mlmodel import read_mlmodel
from nitrous_host.model import LoadRequest
from nitrous_host.payload import Call, Payload

random = numpy.random.default_rng(0)
FRAME = pandas.DataFrame(random.random((60, 3)), columns=["a", "b", "c"]).assign(d=random.integers(0, 5, 60))
LABELS = (FRAME.a + FRAME.b > 1).astype(int).to_numpy()
MATRIX = random.random((60, 4)).astype("float32")
REPEATS = 20
TREES = ["sklearn.tree._tree.Tree"]


def tabular(save):
    import catboost
    import lightgbm
    import mlflow.catboost
    import mlflow.lightgbm
    import mlflow.onnx
    import mlflow.sklearn
    import mlflow.xgboost
    import onnx
    import onnx.helper
    import xgboost
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression

    forest = RandomForestClassifier(20, random_state=0).fit(FRAME, LABELS)
    words = LogisticRegression().fit(FRAME, numpy.where(LABELS, "yes", "no"))
    save("sklearn-skops", mlflow.sklearn, forest, FRAME, serialization_format="skops", skops_trusted_types=TREES)
    save("sklearn-cloudpickle", mlflow.sklearn, words, FRAME, serialization_format="cloudpickle")
    save("sklearn-predict_proba", mlflow.sklearn, words, FRAME, pyfunc_predict_fn="predict_proba", serialization_format="pickle")
    save("sklearn-two-outputs", mlflow.sklearn, LinearRegression().fit(FRAME, MATRIX[:, :2]), FRAME, serialization_format="skops")
    save("sklearn-tensor", mlflow.sklearn, LogisticRegression().fit(MATRIX, LABELS), MATRIX, serialization_format="skops")
    save("sklearn-without-signature", mlflow.sklearn, forest, FRAME, signed=False, serialization_format="skops", skops_trusted_types=TREES)
    save("xgboost-estimator", mlflow.xgboost, xgboost.XGBClassifier(n_estimators=5).fit(FRAME, LABELS), FRAME)
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(FRAME, LABELS), 5)
    save("xgboost-booster", mlflow.xgboost, booster, FRAME)
    save("lightgbm-estimator", mlflow.lightgbm, lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(FRAME, LABELS), FRAME)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(FRAME, LABELS), 5)
    save("lightgbm-booster", mlflow.lightgbm, booster, FRAME)
    regressor = catboost.CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False).fit(FRAME, LABELS)
    save("catboost", mlflow.catboost, regressor, FRAME)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("ReduceSum", ["x", "axes"], ["sum"]), onnx.helper.make_node("Relu", ["sum"], ["relu"])],
        "sums",
        [value("x", onnx.TensorProto.FLOAT, [None, 4])],
        [value("sum", onnx.TensorProto.FLOAT, [None, 1]), value("relu", onnx.TensorProto.FLOAT, [None, 1])],
        [onnx.helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [1])],
    )
    sums = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    save("onnx-tensor", mlflow.onnx, sums, MATRIX)
    save("onnx-named-tensor", mlflow.onnx, sums, {"x": MATRIX})
    save("onnx-frame", mlflow.onnx, sums, FRAME)


def pytorch(save):
    import mlflow.pytorch
    import torch

    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).eval()
    save("pytorch-pt2", mlflow.pytorch, network, MATRIX, serialization_format="pt2", input_example=MATRIX)
    save("pytorch-pickle", mlflow.pytorch, network, MATRIX, serialization_format="pickle")


def keras(save):
    import keras
    import mlflow.keras
    import mlflow.tensorflow
    import tensorflow

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    save("keras", mlflow.keras, model, MATRIX)
    save("tensorflow-keras", mlflow.tensorflow, model, MATRIX)

    class Sum(tensorflow.Module):
        @tensorflow.function(input_signature=[tensorflow.TensorSpec((None, 4), tensorflow.float32)])
        def __call__(self, x):
            return tensorflow.reduce_sum(x, axis=1)

    save("tensorflow-module", mlflow.tensorflow, Sum(), MATRIX)


def compare(folder, data):
    request = LoadRequest("m", "1", "mlflow", folder, folder)
    direct = is_direct(read_mlmodel(folder))
    refused = direct or is_refused(request)
    model = load(dataclasses.replace(request, code=not direct), lambda step: None)
    reference = mlflow.pyfunc.load_model(folder)
    results = {"direct": direct, "refused": not direct and refused, "batchable": model.description["methods"]["predict"]["batchable"]}
    results["warnings"] = model.description["warnings"]
    equal = []
    for rows in (1, 7):
        part = {name: array[:rows] for name, array in data.items()} if isinstance(data, dict) else data[:rows]
        call = Call("predict", payload_of(part))
        ours, theirs = model.infer(call), reference.predict(part)
        equal.append(same(ours, theirs))
        results[f"{rows} rows"] = {"ms": milliseconds(lambda: model.infer(call)), "pyfunc ms": milliseconds(lambda: reference.predict(data_of(call.payload, part)))}
    return {"equal": all(equal) and refused, **results}


def is_refused(request):
    """Without trust, as what only MLflow can load must be."""
    try:
        load(request, lambda step: None)
    except HostError as error:
        return error.code == "PERMISSION_DENIED"
    return False


def payload_of(data):
    if isinstance(data, pandas.DataFrame):
        return Payload("tensors", {name: data[name].to_numpy() for name in data.columns})
    return Payload("tensors", data if isinstance(data, dict) else {"input-0": data})


def data_of(payload, data):
    """What a server has to make of the same payload before it can ask MLflow."""
    return pandas.DataFrame(payload.value) if isinstance(data, pandas.DataFrame) else data


def same(ours, theirs):
    if isinstance(theirs, pandas.DataFrame):
        named = any(isinstance(column, str) for column in theirs.columns)
        theirs = {name: theirs[name].to_numpy() for name in theirs.columns} if named else theirs.to_numpy()
    if not isinstance(theirs, dict):
        theirs = {next(iter(ours.value)): theirs}
    return list(ours.value) == list(theirs) and all(alike(ours.value[name], numpy.asarray(theirs[name])) for name in theirs)


def alike(ours, theirs):
    if ours.shape != theirs.shape or (ours.dtype != theirs.dtype and theirs.dtype.kind not in "OU"):
        return False
    return numpy.allclose(ours, theirs, rtol=1e-5, atol=1e-6) if theirs.dtype.kind == "f" else ours.tolist() == theirs.tolist()


def milliseconds(run):
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return round(sorted(times)[len(times) // 2] * 1000, 3)


def main():
    results = {}
    with tempfile.TemporaryDirectory() as folder:

        def save(name, flavor, model, data, signed=True, **options):
            place = str(Path(folder) / name)
            if signed:
                options["signature"] = infer_signature(data)
            flavor.save_model(model, place, pip_requirements=["mlflow-skinny"], **options)
            results[name] = compare(place, data)

        {"tabular": tabular, "pytorch": pytorch, "keras": keras}[sys.argv[2]](save)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
