"""Tasks that write text, against transformers' own generate."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from nitrous_host.payload import Call, Payload
from tasks import case, rows, served
from text_cases import parts

PROMPT = "the second one"


def add() -> None:
    text_generation()
    text2text_generation()


def text_generation() -> None:
    name = "text_generation"
    tokenizer, model = parts(name, "AutoModelForCausalLM")

    def written(prompt: str, **options: Any) -> str:
        ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            tokens = model.generate(**ids, pad_token_id=2, **options)[0][ids["input_ids"].shape[1] :]
        return tokenizer.decode(tokens, skip_special_tokens=True)

    host = served(name)
    greedy = written(PROMPT, max_new_tokens=24, do_sample=False)
    case(name)(lambda: (rows(host, [PROMPT, "red"], max_new_tokens=24), [greedy, written("red", max_new_tokens=24, do_sample=False)]))
    case(f"{name}, temperature 0")(lambda: (rows(host, [PROMPT], "generate", max_tokens=24, temperature=0), [greedy]))
    case(f"{name}, streamed")(lambda: ("".join(stream(host, PROMPT, max_new_tokens=24)), greedy))
    pieces = stream(host, PROMPT, max_new_tokens=24)
    case(f"{name}, streamed in pieces")(lambda: (len(pieces) > 1, " " in greedy.strip()))
    sampling = {"max_new_tokens": 16, "temperature": 0.8, "top_p": 0.9, "top_k": 20}
    transformers.set_seed(11)
    sampled = written(PROMPT, do_sample=True, **sampling)
    case(f"{name}, with a seed")(lambda: (rows(host, [PROMPT], seed=11, **sampling), [sampled]))
    stop = greedy[len(greedy) // 2 :][:2]
    case(f"{name}, a stop text")(lambda: (rows(host, [PROMPT], max_new_tokens=24, stop=stop), [greedy[: greedy.index(stop)]]))
    case(f"{name}, a stop text, streamed")(
        lambda: ("".join(stream(host, PROMPT, max_new_tokens=24, stop=stop)), greedy[: greedy.index(stop)])
    )
    case(f"{name}, beams")(
        lambda: (rows(host, [PROMPT], max_new_tokens=8, num_beams=3), [written(PROMPT, max_new_tokens=8, num_beams=3, do_sample=False)])
    )
    messages = [{"role": "user", "content": "red green"}]
    conversation = written("<|user|>red green<|assistant|>", max_new_tokens=8, do_sample=False)
    case(f"{name}, a conversation")(lambda: (rows(host, [{"messages": messages}], max_new_tokens=8), [conversation]))


def stream(host: Any, prompt: str, **parameters: Any) -> list[str]:
    return [chunk.value["output-0"][0] for chunk in host.stream(Call("generate_stream", Payload("rows", [prompt]), parameters=parameters))]


def text2text_generation() -> None:
    name = "text2text_generation"
    tokenizer, model = parts(name, "AutoModelForSeq2SeqLM")

    def written(text: str, **options: Any) -> str:
        with torch.no_grad():
            tokens = model.generate(**tokenizer(text, return_tensors="pt", return_token_type_ids=False), **options)
        return tokenizer.decode(tokens[0], skip_special_tokens=True)

    host = served(name)
    case(name)(lambda: (rows(host, [PROMPT], max_new_tokens=10), [written(PROMPT, max_new_tokens=10)]))
    french = served(name, task="translation_en_to_fr")
    expected = [{"translation_text": written(f"translate: {PROMPT}", max_new_tokens=5)}]
    case(f"{name}, translation")(lambda: (rows(french, [PROMPT], "pipeline"), expected))
    summary = served(name, task="summarization")
    case(f"{name}, summary")(
        lambda: (rows(summary, [PROMPT], "pipeline", max_tokens=6), [{"summary_text": written(PROMPT, max_new_tokens=6)}])
    )
