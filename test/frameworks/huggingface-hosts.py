"""
Small models with random weights for each task, in FOLDER/NAME as safetensors and, in the same folder, as ONNX; and what the Python host answers to
cases: `huggingface-hosts.py FOLDER CASES`, where CASES is a JSON file with [name, method, rows, parameters, settings] in each. Prints a list of answers.
Needs: torch torchvision transformers onnx pillow, and nitrous_host on PYTHONPATH
"""

import contextlib
import json
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import torch
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForQuestionAnswering,
    RobertaForTokenClassification,
    RobertaTokenizerFast,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
)

from nitrous_host.formats import huggingface
from nitrous_host.model import LoadRequest
from nitrous_host.payload import Call, Payload

TARGET, CASES = sys.argv[1:3]
TEXTS = ["Sarah lives in London, and works at the bank.", "The capital of France is Paris; is it not?", "Ünïcode naïve café 東京 New York"] * 20
ENTITIES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


class Outputs(torch.nn.Module):
    """With tensors in and tensors out, as ONNX has them."""

    def __init__(self, model, inputs, outputs):
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs

    def forward(self, *values):
        answer = self.model(**dict(zip(self.inputs, values)))
        return tuple(getattr(answer, name) for name in self.outputs)


def export(name, model, preparing, inputs, outputs, axes):
    folder = os.path.join(TARGET, name)
    model.eval().save_pretrained(folder)
    preparing.save_pretrained(folder)
    torch.onnx.export(
        Outputs(model, list(inputs), outputs),
        tuple(inputs.values()),
        os.path.join(folder, "model.onnx"),
        dynamo=False,
        opset_version=17,
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes={**{each: axes for each in inputs}, **{each: {0: "batch"} if each == "logits" and "token" not in name else axes for each in outputs}},
    )


def labels(*names):
    return {"num_labels": len(names), "id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}


def make():
    pieces = BertWordPieceTokenizer(lowercase=True)
    pieces.train_from_iterator(TEXTS, vocab_size=300, show_progress=False)
    bert = BertTokenizerFast(vocab=pieces.get_vocab(), model_max_length=128)
    level = ByteLevelBPETokenizer()
    level.train_from_iterator(TEXTS, vocab_size=500, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False)
    os.makedirs(os.path.join(TARGET, "bytes"), exist_ok=True)
    vocab, merges = level.save_model(os.path.join(TARGET, "bytes"))
    roberta = RobertaTokenizerFast(vocab=vocab, merges=merges, model_max_length=126)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 128}
    common = {**size, "attn_implementation": "eager", "initializer_range": 0.3}
    one = {"vocab_size": len(bert), **common}
    other = {"vocab_size": len(roberta), **common, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    axes = {0: "batch", 1: "sequence"}
    for name, model, tokenizer, outputs in [
        ("classes", BertForSequenceClassification(BertConfig(**one, **labels("neg", "neu", "pos"))), bert, ["logits"]),
        ("entailment", BertForSequenceClassification(BertConfig(**one, **labels("contradiction", "neutral", "entailment"))), bert, ["logits"]),
        ("tokens", BertForTokenClassification(BertConfig(**one, **labels(*ENTITIES))), bert, ["logits"]),
        ("answers", BertForQuestionAnswering(BertConfig(**one)), bert, ["start_logits", "end_logits"]),
        ("token-masks", BertForMaskedLM(BertConfig(**one)), bert, ["logits"]),
        ("vectors", BertModel(BertConfig(**one)), bert, ["last_hidden_state"]),
        ("byte-tokens", RobertaForTokenClassification(RobertaConfig(**other, **labels(*ENTITIES))), roberta, ["logits"]),
        ("byte-answers", RobertaForQuestionAnswering(RobertaConfig(**other)), roberta, ["start_logits", "end_logits"]),
        ("byte-token-masks", RobertaForMaskedLM(RobertaConfig(**other)), roberta, ["logits"]),
    ]:
        encoded = tokenizer(TEXTS[:2], padding=True, return_tensors="pt")
        names = [each for each in ("input_ids", "attention_mask", "token_type_ids") if each in encoded and (tokenizer is bert or each != "token_type_ids")]
        export(name, model, tokenizer, {each: encoded[each] for each in names}, outputs, axes)
    vision = ViTConfig(**{**common, "max_position_embeddings": 1}, image_size=32, patch_size=8, **labels("red", "green", "blue"))
    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    export("image", ViTForImageClassification(vision), processor, {"pixel_values": torch.randn(2, 3, 32, 32)}, ["logits"], {0: "batch"})


def answers():
    models = {}
    with open(CASES, encoding="utf-8") as file:
        cases = json.load(file)
    for name, method, rows, parameters, settings in cases:
        key = (name, json.dumps(settings))
        folder = os.path.join(TARGET, name)
        if key not in models:
            models[key] = huggingface.load(LoadRequest(name, "1", "huggingface", folder, folder, settings=settings), lambda _step: None)
        answer = models[key].infer(Call(method, Payload("rows", rows), parameters=parameters))
        yield {each: value.tolist() for each, value in answer.value.items()} if answer.kind == "tensors" else answer.value


# Frameworks print what they like.
with contextlib.redirect_stdout(sys.stderr):
    make()
    found = list(answers())
print(json.dumps(found))
