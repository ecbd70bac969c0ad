"""
Makes model/, a very small vision transformer that tells the colour of an image, and request.json. Needs: torch torchvision transformers pillow.

    python make.py              makes the model and the request
    python make.py --expected   prints what transformers itself answers to request.json
"""

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification, ViTConfig, ViTForImageClassification, ViTImageProcessor

HERE = Path(__file__).parent
FOLDER = HERE / "model"
LABELS = {0: "red", 1: "green", 2: "blue"}


def images(count: int, seed: int) -> tuple[list[Image.Image], list[int]]:
    """Noise of one colour, in images of several sizes."""
    random = np.random.default_rng(seed)
    labels = [index % len(LABELS) for index in range(count)]
    pictures = []
    for label in labels:
        pixels = random.integers(0, 80, (*random.integers(20, 60, 2), 3), np.uint8)
        pixels[..., label] += 120
        pictures.append(Image.fromarray(pixels))
    return pictures, labels


def make() -> None:
    torch.manual_seed(1)
    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    config = ViTConfig(
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=48,
        image_size=32,
        patch_size=8,
        id2label=LABELS,
        label2id={name: index for index, name in LABELS.items()},
    )
    model = ViTForImageClassification(config)
    pictures, labels = images(60, 1)
    batch = processor(images=pictures, return_tensors="pt")
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(30):
        loss = model(**batch, labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(FOLDER)
    processor.save_pretrained(FOLDER)
    instances = [{"image": {"b64": png(each)}} for each in images(3, 2)[0]]
    (HERE / "request.json").write_text(json.dumps({"instances": instances}, indent=2) + "\n")


def png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.resize((12, 12)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def expected() -> None:
    instances = json.loads((HERE / "request.json").read_text())["instances"]
    processor = AutoImageProcessor.from_pretrained(FOLDER)
    model = AutoModelForImageClassification.from_pretrained(FOLDER).eval()
    classes = []
    for instance in instances:
        image = Image.open(io.BytesIO(base64.b64decode(instance["image"]["b64"]))).convert("RGB")
        with torch.no_grad():
            scores = model(**processor(images=image, return_tensors="pt")).logits[0].softmax(-1)
        classes.append({str(index): round(float(score), 4) for index, score in enumerate(scores)})
    print(json.dumps({"predictions": classes}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
