"""Tasks that read text. What is expected is computed text by text, without padding."""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy
import torch
import transformers
from safetensors.torch import save_file
from tasks import ROOT, case, rows, served, tensors
from tiny_models import write

TEXTS = ["a first text with an answer", "red", "the second one is a little longer than that , and green ?"]


def parts(name: str, kind: str) -> tuple[Any, Any]:
    folder = f"{ROOT}/{name}"
    return transformers.AutoTokenizer.from_pretrained(folder), getattr(transformers, kind).from_pretrained(folder).eval()


def run(tokenizer: Any, model: Any, *texts: str, **options: Any) -> Any:
    with torch.no_grad():
        return model(**tokenizer(*texts, return_tensors="pt", **options))


def add() -> None:
    sequence_classification()
    token_classification()
    others()
    embeddings()
    poolings()
    question_answering()


def sequence_classification() -> None:
    name = "sequence_classification"
    tokenizer, model = parts(name, "AutoModelForSequenceClassification")
    logits = [run(tokenizer, model, text).logits[0] for text in TEXTS]
    classes = [int(each.argmax()) for each in logits]
    host = served(name)
    case(name)(lambda: (rows(host, TEXTS), classes))
    case(f"{name}, a tensor of any name")(lambda: (tensors(host, anything=numpy.array(TEXTS, object)), classes))
    pair = run(tokenizer, model, TEXTS[0], TEXTS[1]).logits[0]
    case(f"{name}, pairs")(lambda: (rows(host, [{"text": TEXTS[0], "text_pair": TEXTS[1]}]), [int(pair.argmax())]))
    case(f"{name}, batchable")(lambda: (host.description["methods"]["predict"]["batchable"], True))
    raw = {str(index): [float(each[index]) for each in logits] for index in range(3)}
    case(f"{name}, logits")(lambda: (rows(served(name, return_raw_logits=True), TEXTS), raw))
    rounded = {str(index): [float(f"{each.softmax(-1)[index]:.4f}") for each in logits] for index in range(3)}
    case(f"{name}, probabilities")(lambda: (rows(served(name, return_probabilities="true"), TEXTS), rounded))
    pipeline = transformers.pipeline("text-classification", model=f"{ROOT}/{name}")
    case(f"{name}, objects")(lambda: (rows(host, TEXTS, "pipeline"), pipeline(TEXTS)))
    case(f"{name}, all objects")(lambda: (rows(host, TEXTS, "pipeline", top_k=3), pipeline(TEXTS, top_k=3)))
    # As long as the model allows: 64 tokens.
    long = " ".join(TEXTS * 20)
    cut = run(tokenizer, model, long, truncation=True, max_length=64).logits[0]
    case(f"{name}, too long")(lambda: (rows(host, [long]), [int(cut.argmax())]))
    shorter = run(tokenizer, model, long, truncation=True, max_length=9).logits[0]
    lengths = {str(index): [float(shorter[index])] for index in range(3)}
    case(f"{name}, max_model_len")(lambda: (rows(served(name, max_model_len="9", return_raw_logits=True), [long]), lengths))


def token_classification() -> None:
    name = "token_classification"
    tokenizer, model = parts(name, "AutoModelForTokenClassification")
    host = served(name)
    with torch.no_grad():
        padded = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits.argmax(-1)
    case(name)(lambda: (rows(host, TEXTS), [[row] for row in padded.tolist()]))
    scores = run(tokenizer, model, TEXTS[0]).logits[0].softmax(-1)
    rounded = [[{str(index): float(f"{score:.4f}") for index, score in enumerate(token)} for token in scores.tolist()]]
    case(f"{name}, probabilities")(lambda: (rows(served(name, return_probabilities=True), TEXTS[:1]), rounded))
    pipeline = transformers.pipeline("token-classification", model=f"{ROOT}/{name}")
    expected = [[{**entity, "score": float(entity["score"])} for entity in pipeline(text, aggregation_strategy="simple")] for text in TEXTS]
    case(f"{name}, entities")(lambda: (rows(host, TEXTS, "pipeline", aggregation_strategy="simple"), expected))
    offsets = [[list(span) for span in tokenizer(TEXTS[0], return_offsets_mapping=True)["offset_mapping"]]]
    with_offsets = served(name, return_offsets_mapping=True)
    case(f"{name}, offsets")(lambda: (tensors(with_offsets, x=numpy.array(TEXTS[:1], object))["offset_mapping"], offsets))


def others() -> None:
    name = "fill_mask"
    tokenizer, model = parts(name, "AutoModelForMaskedLM")
    masked = ["a [MASK] text", "the second one is [MASK] and [MASK] ."]
    words = []
    for text in masked:
        ids = tokenizer(text, return_tensors="pt")["input_ids"][0]
        words.append(tokenizer.decode(run(tokenizer, model, text).logits[0][ids == tokenizer.mask_token_id].argmax(-1)))
    host = served(name)
    case(name)(lambda: (rows(host, masked), words))
    pipeline = transformers.pipeline("fill-mask", model=f"{ROOT}/{name}")
    case(f"{name}, objects")(lambda: (rows(host, masked, "pipeline", top_k=2), [pipeline(text, top_k=2) for text in masked]))
    name = "zero_shot_classification"
    labels = ["red", "green", "an answer"]
    zero_shot = transformers.pipeline("zero-shot-classification", model=f"{ROOT}/{name}")
    host = served(name, task="zero-shot-classification")
    case(name)(lambda: (rows(host, TEXTS, candidate_labels="red, green, an answer"), zero_shot(TEXTS, candidate_labels=labels)))
    own = [{"text": text, "candidate_labels": labels} for text in TEXTS]
    expected = zero_shot(TEXTS, candidate_labels=labels, multi_label=True, hypothesis_template="it is {}")
    case(f"{name}, several labels")(lambda: (rows(host, own, multi_label=True, hypothesis_template="it is {}"), expected))


def embeddings() -> None:
    name = "text_embedding"
    tokenizer, model = parts(name, "AutoModel")
    means = [run(tokenizer, model, text).last_hidden_state[0].mean(0) for text in TEXTS]
    host = served(name)
    case(name)(lambda: (rows(host, TEXTS), [(mean / mean.norm()).tolist() for mean in means]))
    case(f"{name}, batchable")(lambda: (host.description["methods"]["predict"]["batchable"], True))
    pipeline = transformers.pipeline("feature-extraction", model=f"{ROOT}/{name}")
    case(f"{name}, tokens")(lambda: (rows(host, TEXTS, "pipeline"), pipeline(TEXTS)))
    half = served(name, dtype="bfloat16").description["methods"]["predict"]["batchable"]
    case(f"{name}, never batchable in half precision")(lambda: (half, False))
    tokenizer, model = parts("sentence_embedding", "AutoModel")
    firsts = [run(tokenizer, model, text, truncation=True, max_length=16).last_hidden_state[0][0] for text in [*TEXTS, "a " * 40]]
    expected = [(first / first.norm()).tolist() for first in firsts]
    case("sentence_embedding")(lambda: (rows(served("sentence_embedding"), [*TEXTS, "a " * 40]), expected))


def poolings() -> None:
    """Each of sentence-transformers' modes by its definition, for a text alone; the host pools it beside longer ones."""
    tokenizer, model = parts("text_embedding", "AutoModel")
    states = [run(tokenizer, model, text).last_hidden_state[0] for text in TEXTS]
    weights = [torch.arange(1, len(each) + 1, dtype=torch.float32)[:, None] for each in states]
    expected = {
        "pooling_mode_cls_token": [each[0] for each in states],
        "pooling_mode_max_tokens": [each.max(0).values for each in states],
        "pooling_mode_mean_tokens": [each.mean(0) for each in states],
        "pooling_mode_mean_sqrt_len_tokens": [each.sum(0) / len(each) ** 0.5 for each in states],
        "pooling_mode_weightedmean_tokens": [(each * weight).sum(0) / weight.sum() for each, weight in zip(states, weights, strict=True)],
        "pooling_mode_lasttoken": [each[-1] for each in states],
    }
    modules = [{"path": "", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}, {"path": "2_Dense", "type": "x.Dense"}]
    linear = {"linear.weight": torch.randn(4, 32), "linear.bias": torch.randn(4)}
    for mode, vectors in expected.items():
        folder = f"{ROOT}/{mode}"
        shutil.copytree(f"{ROOT}/text_embedding", folder)
        write(f"{folder}/modules.json", modules)
        for module in ("1_Pooling", "2_Dense"):
            os.makedirs(f"{folder}/{module}")
        write(f"{folder}/1_Pooling/config.json", {mode: True})
        write(f"{folder}/2_Dense/config.json", {"activation_function": "torch.nn.modules.activation.Tanh"})
        save_file(linear, f"{folder}/2_Dense/model.safetensors")
        dense = [torch.tanh(linear["linear.weight"] @ vector + linear["linear.bias"]).tolist() for vector in vectors]
        case(f"sentence_embedding, {mode}")(lambda mode=mode, dense=dense: (rows(served(mode), TEXTS), dense))


def question_answering() -> None:
    name = "question_answering"
    tokenizer, model = parts(name, "AutoModelForQuestionAnswering")
    pairs = [("what is it?", "a first text with an answer"), ("which one", "the second one , and red green blue")]

    def best(question: str, context: str) -> dict[str, Any]:
        """Every span, one by one."""
        encoded = tokenizer(question, context, return_offsets_mapping=True, return_tensors="pt")
        offsets = encoded.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            output = model(**encoded)
        inside = [index for index, part in enumerate(encoded.sequence_ids(0)) if part == 1]
        # The classification token takes its share of the probabilities and is no answer.
        start = output.start_logits[0][[0, *inside]].softmax(-1)[1:].tolist()
        end = output.end_logits[0][[0, *inside]].softmax(-1)[1:].tolist()
        spans = [(start[i] * end[j], i, j) for i in range(len(inside)) for j in range(i, min(i + 15, len(inside)))]
        score, i, j = max(spans)
        words = [encoded.token_to_word(0, inside[index]) for index in (i, j)]
        begin, stop = (encoded.word_to_chars(0, word, sequence_index=1) for word in words)
        assert offsets[inside[i]][0] >= begin.start
        return {"score": score, "start": begin.start, "end": stop.end, "answer": context[begin.start : stop.end]}

    instances = [{"question": question, "context": context} for question, context in pairs]
    case(name)(lambda: (rows(served(name), instances), [best(*pair) for pair in pairs]))
    long = [{"question": "what is it?", "context": " ".join(TEXTS * 20)}]
    case(f"{name}, a long context")(lambda: (len(rows(served(name), long)[0]["answer"]) > 0, True))
