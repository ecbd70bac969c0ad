"""
A tiny BERT that tells good from bad, trained here in seconds (trained/), and its export to ONNX, which is what is served (model/).
With --expected: what transformers answers to request.json, with the weights of trained/.
Needs: torch transformers onnx
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification, BertTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
TRAINED = os.path.join(HERE, "trained")
SERVED = os.path.join(HERE, "model")

GOOD = "good great lovely nice excellent wonderful fine happy best warm".split()
BAD = "bad awful terrible poor horrible cold sad worst slow broken".split()
PATTERNS = ["what a {} day", "the food was {}", "{} , really {} service !", "this is a {} film", "i had a {} time", "it was {} and {}"]


def texts() -> tuple[list[str], list[int]]:
    rows = [(pattern.replace("{}", word), label) for label, words in enumerate((BAD, GOOD)) for pattern in PATTERNS for word in words]
    return [text for text, _ in rows], [label for _, label in rows]


def train() -> None:
    sentences, labels = texts()
    words = sorted({word for sentence in sentences for word in sentence.split()})
    letters = sorted({letter for word in words for letter in word} | set("abcdefghijklmnopqrstuvwxyz0123456789.,!?'"))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), *words]
    tokenizer = BertTokenizerFast(vocab={piece: index for index, piece in enumerate(dict.fromkeys(pieces))}, model_max_length=64)
    torch.manual_seed(0)
    names = {0: "bad", 1: "good"}
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=2,
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    model = BertForSequenceClassification(config).train()
    batch = tokenizer(sentences, padding=True, return_tensors="pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = model(**batch, labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(TRAINED)
    tokenizer.save_pretrained(TRAINED)


class Logits(torch.nn.Module):
    """With tensors in and tensors out, as ONNX has them."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


def export() -> None:
    tokenizer = AutoTokenizer.from_pretrained(TRAINED)
    model = AutoModelForSequenceClassification.from_pretrained(TRAINED, attn_implementation="eager").eval()
    example = tokenizer(["a text", "another, longer one"], padding=True, return_tensors="pt")
    names = ["input_ids", "attention_mask", "token_type_ids"]
    os.makedirs(SERVED, exist_ok=True)
    torch.onnx.export(
        Logits(model),
        tuple(example[name] for name in names),
        os.path.join(SERVED, "model.onnx"),
        dynamo=False,
        opset_version=17,
        input_names=names,
        output_names=["logits"],
        dynamic_axes={**{name: {0: "batch", 1: "sequence"} for name in names}, "logits": {0: "batch"}},
    )
    model.config.save_pretrained(SERVED)
    tokenizer.save_pretrained(SERVED)


def expected() -> None:
    with open(os.path.join(HERE, "request.json"), encoding="utf-8") as file:
        instances = json.load(file)["instances"]
    tokenizer = AutoTokenizer.from_pretrained(TRAINED)
    model = AutoModelForSequenceClassification.from_pretrained(TRAINED).eval()
    with torch.inference_mode():
        rows = model(**tokenizer(instances, padding=True, return_tensors="pt")).logits.softmax(-1).tolist()
    print(json.dumps({"predictions": [{str(index): round(score, 4) for index, score in enumerate(row)} for row in rows]}))


if "--expected" in sys.argv:
    expected()
else:
    train()
    export()
