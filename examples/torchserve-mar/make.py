"""
Makes model/model-store/flowers.mar, as torch-model-archiver would: a TorchScript model, its handler, labels and requirements. With
--expected it prints what the model itself answers to request.json.

    pip install torch inflection
    python make.py
"""

import json
import sys
import zipfile
from pathlib import Path

import inflection
import torch

HERE = Path(__file__).parent
ARCHIVE = HERE / "model" / "model-store" / "flowers.mar"
NAMES = {"0": "iris_setosa", "1": "iris_versicolor", "2": "iris_virginica"}
# The time of all entries, so that the archive is the same whenever it is made.
TIME = (2026, 1, 1, 0, 0, 0)


def make() -> None:
    torch.manual_seed(7)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).eval()
    torch.jit.save(torch.jit.trace(model, torch.zeros(1, 4)), HERE / "flowers.pt")
    manifest = {
        "createdOn": "01/01/2026 00:00:00",
        "runtime": "python",
        "model": {
            "modelName": "flowers",
            "serializedFile": "flowers.pt",
            "handler": "flower_handler.py",
            "requirementsFile": "requirements.txt",
            "modelVersion": "1.0",
        },
        "archiverVersion": "0.12.0",
    }
    contents = {
        "flowers.pt": (HERE / "flowers.pt").read_bytes(),
        "flower_handler.py": (HERE / "flower_handler.py").read_bytes(),
        "index_to_name.json": json.dumps(NAMES).encode(),
        "requirements.txt": b"inflection==0.5.1\n",
        "MAR-INF/MANIFEST.json": json.dumps(manifest, indent=2).encode(),
    }
    (HERE / "flowers.pt").unlink()
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, TIME), content)


def expected() -> None:
    request = json.loads((HERE / "request.json").read_text())
    with zipfile.ZipFile(ARCHIVE) as archive, archive.open("flowers.pt") as weights:
        model = torch.jit.load(weights)
    with torch.inference_mode():
        rows = torch.softmax(model(torch.tensor([row["data"] for row in request["instances"]])), dim=1)
    names = [inflection.titleize(name) for name in NAMES.values()]
    print(json.dumps({"predictions": [dict(zip(names, row)) for row in rows.tolist()]}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
