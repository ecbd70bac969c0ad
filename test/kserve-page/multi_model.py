"""Stands in for the image that KServe's page calls multi-model-runtime:latest: several scikit-learn models in one server.

It speaks the Open Inference Protocol over HTTP on port 8080, with the three routes of the page's management API.
"""

import os

import joblib
import numpy
from flask import Flask, jsonify, request

app = Flask(__name__)
FOLDER = "/mnt/models"
models = {}


@app.route("/v2/health/live")
@app.route("/v2/health/ready")
def health():
    return jsonify({})


@app.route("/v2/repository/models")
def index():
    return jsonify([{"name": name, "version": "1", "state": "READY"} for name in sorted(models)])


@app.route("/v2/repository/models/<name>/load", methods=["POST"])
def load(name):
    path = os.path.join(FOLDER, name, "model.pkl")
    if not os.path.exists(path):
        return jsonify({"error": f"failed to load '{name}': there is no {path}"}), 404
    models[name] = joblib.load(path)
    return jsonify({})


@app.route("/v2/repository/models/<name>/unload", methods=["POST"])
def unload(name):
    return (jsonify({}), 200) if models.pop(name, None) is not None else (jsonify({"error": f"unknown model: {name}"}), 404)


@app.route("/v2/models/<name>")
@app.route("/v2/models/<name>/ready")
def metadata(name):
    if name not in models:
        return jsonify({"error": f"unknown model: {name}"}), 404
    rows = {"name": "x", "datatype": "FP64", "shape": [-1, int(models[name].n_features_in_)]}
    answers = {"name": "predict", "datatype": "INT64", "shape": [-1]}
    return jsonify({"name": name, "versions": ["1"], "platform": "sklearn", "inputs": [rows], "outputs": [answers]})


@app.route("/v2/models/<name>/infer", methods=["POST"])
def infer(name):
    if name not in models:
        return jsonify({"error": f"unknown model: {name}"}), 404
    (tensor,) = request.get_json()["inputs"]
    predictions = models[name].predict(numpy.array(tensor["data"]).reshape(tensor["shape"]))
    output = {"name": "predict", "datatype": "INT64", "shape": list(predictions.shape), "data": predictions.tolist()}
    return jsonify({"model_name": name, "model_version": "1", "outputs": [output]})


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080)
