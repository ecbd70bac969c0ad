"""Tasks that look at images, against transformers' models and pipelines."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy
import torch
import transformers
from nitrous_host.huggingface.pipelines import to_json
from PIL import Image
from tasks import ROOT, case, rows, served, tensors

noise = numpy.random.default_rng(3)
PIXELS = [noise.integers(0, 256, (40, 52, 3), numpy.uint8), noise.integers(0, 256, (33, 47, 3), numpy.uint8)]
SAME = numpy.stack([PIXELS[0], PIXELS[0][::-1].copy()])
IMAGES = [Image.fromarray(pixels) for pixels in PIXELS]


def png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


FILES = [png(image) for image in IMAGES]
TEXTS = [base64.b64encode(file).decode() for file in FILES]


def parts(name: str, kind: str) -> tuple[Any, Any]:
    folder = f"{ROOT}/{name}"
    return transformers.AutoImageProcessor.from_pretrained(folder), getattr(transformers, kind).from_pretrained(folder).eval()


def run(processor: Any, model: Any, image: Any) -> Any:
    with torch.no_grad():
        return model(**processor(images=image, return_tensors="pt"))


def pipeline(task: str, name: str, images: list[Any], **options: Any) -> list[Any]:
    pipe = transformers.pipeline(task, model=f"{ROOT}/{name}")
    return [to_json(pipe(image, **options)) for image in images]


def add() -> None:
    classification()
    dense()
    things()
    clip()


def classification() -> None:
    name = "image_classification"
    processor, model = parts(name, "AutoModelForImageClassification")
    logits = [run(processor, model, image).logits[0] for image in IMAGES]
    classes = [int(each.argmax()) for each in logits]
    host = served(name)
    forms: dict[str, list[Any]] = {
        "image objects of bytes": [{"image": {"b64": text}} for text in TEXTS],
        "bytes": [{"b64": text} for text in TEXTS],
        "base64": TEXTS,
        "data addresses": [{"image": f"data:image/png;base64,{text}"} for text in TEXTS],
        "lists of pixels": [pixels.tolist() for pixels in PIXELS],
    }
    for form, instances in forms.items():
        case(f"{name}, {form}")(lambda instances=instances: (rows(host, instances), classes))
    case(f"{name}, BYTES")(lambda: (tensors(host, x=numpy.array(FILES, object)), classes))
    same = [int(run(processor, model, Image.fromarray(pixels)).logits.argmax()) for pixels in SAME]
    case(f"{name}, UINT8")(lambda: (tensors(host, image=SAME), same))
    raw = {str(index): [float(each[index]) for each in logits] for index in range(3)}
    case(f"{name}, logits")(lambda: (rows(served(name, return_raw_logits=True), TEXTS), raw))
    case(f"{name}, objects")(lambda: (rows(host, TEXTS, "pipeline", top_k=2), pipeline("image-classification", name, IMAGES, top_k=2)))


def dense() -> None:
    name = "semantic_segmentation"
    processor, model = parts(name, "AutoModelForSemanticSegmentation")
    expected = processor.post_process_semantic_segmentation(run(processor, model, IMAGES[0]), [(40, 52)])[0].tolist()
    host = served(name)
    case(name)(lambda: (rows(host, TEXTS[:1]), [expected]))
    case(f"{name}, objects")(lambda: (rows(host, TEXTS, "pipeline"), pipeline("image-segmentation", name, IMAGES)))
    name = "depth_estimation"
    processor, model = parts(name, "AutoModelForDepthEstimation")
    depth = processor.post_process_depth_estimation(run(processor, model, IMAGES[0]), [(40, 52)])[0]["predicted_depth"].tolist()
    host = served(name)
    case(name)(lambda: (rows(host, TEXTS[:1]), [depth]))
    case(f"{name}, objects")(lambda: (rows(host, TEXTS, "pipeline"), pipeline("depth-estimation", name, IMAGES)))


def things() -> None:
    name = "object_detection"
    found = pipeline("object-detection", name, IMAGES, threshold=0.2)
    case(name)(lambda: (rows(served(name), TEXTS, threshold=0.2), found))
    case(f"{name}, finds something")(lambda: (sum(map(len, found)) > 0, True))
    name = "image_segmentation"
    masks = pipeline("image-segmentation", name, IMAGES, threshold=0.0)
    case(name)(lambda: (rows(served(name), TEXTS, threshold=0), masks))
    case(f"{name}, finds something")(lambda: (sum(map(len, masks)) > 0, True))


def clip() -> None:
    name = "zero_shot_image_classification"
    processor, model = parts(name, "AutoModel")
    tokenizer = transformers.AutoTokenizer.from_pretrained(f"{ROOT}/{name}")
    words = ["red", "the second one is a little longer"]
    with torch.no_grad():
        seen = [features(model.get_image_features(**processor(images=image, return_tensors="pt"))) for image in IMAGES]
        read = [features(model.get_text_features(**tokenizer(text, return_tensors="pt"))) for text in words]
    host = served(name)
    case(f"{name}, encode_image")(lambda: (rows(host, [{"images": {"b64": text}} for text in TEXTS], "encode_image"), {"embedding": seen}))
    case(f"{name}, encode_text")(lambda: (rows(host, words, "encode_text"), {"embedding": read}))
    case(f"{name}, texts")(lambda: (rows(host, words), {"embedding": read}))
    case(f"{name}, images")(lambda: (rows(host, [{"image": {"b64": text}} for text in TEXTS]), {"embedding": seen}))
    case(f"{name}, labels")(
        lambda: (
            rows(host, [{"image": text} for text in TEXTS], "pipeline", candidate_labels="red,green"),
            pipeline("zero-shot-image-classification", name, IMAGES, candidate_labels=["red", "green"]),
        )
    )


def features(output: Any) -> list[float]:
    vectors = output if isinstance(output, torch.Tensor) else output.pooler_output
    return vectors[0].tolist()
