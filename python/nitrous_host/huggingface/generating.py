"""Text from a model that writes, piece by piece: transformers' generate in a thread, which a closed generator or a stop text ends."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Callable, Iterator

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.huggingface.generation_options import Options, new_tokens
from nitrous_host.huggingface.methods import Loaded
from nitrous_host.huggingface.stop_texts import StopTexts

# A seed is one for all of torch: requests that sample take turns.
_sampling = threading.Lock()


def generate(loaded: Loaded, encoded: Any, options: Options, cancelled: Callable[[], bool]) -> str:
    """The new text for one prompt. Raises HostError CANCELLED when nobody waits any more, and INVALID_ARGUMENT."""
    answer = "".join(pieces(loaded, encoded, options, cancelled))
    if cancelled():
        raise HostError("CANCELLED", "the call was cancelled")
    return answer


def pieces(loaded: Loaded, encoded: Any, options: Options, cancelled: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """
    The new text in pieces of whole words. Closing the iterator ends the work at the next token. Raises HostError INVALID_ARGUMENT at
    once for what cannot be generated.
    """
    is_encoder_decoder = bool(getattr(loaded.model.config, "is_encoder_decoder", False))
    prompt = 0 if is_encoder_decoder else encoded["input_ids"].shape[1]
    given = {**encoded, **options.generate, "max_new_tokens": new_tokens(loaded, options, prompt)}
    given["pad_token_id"] = loaded.tokenizer.pad_token_id
    if options.generate.get("num_beams", 1) > 1:
        return _at_once(loaded, given, options, prompt, cancelled)
    return _pieces(loaded, given, options, cancelled)


def _pieces(loaded: Loaded, given: dict[str, Any], options: Options, cancelled: Callable[[], bool]) -> Iterator[str]:
    from transformers import TextIteratorStreamer

    streamer = TextIteratorStreamer(loaded.tokenizer, skip_prompt=not loaded.model.config.is_encoder_decoder, skip_special_tokens=True)
    stopping = _Stopping(cancelled)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            _generate(loaded, {**given, "streamer": streamer}, options, stopping)
        except BaseException as error:
            failures.append(error)
        finally:
            streamer.text_queue.put(streamer.stop_signal)

    thread = threading.Thread(target=work, name="generate", daemon=True)
    thread.start()
    stops = StopTexts(options.stop)
    try:
        for piece in streamer:
            text = stops.take(piece)
            if text:
                yield text
            if stops.found:
                break
        if not failures and not stops.found and (text := stops.rest()):
            yield text
    finally:
        stopping.set()
        thread.join()
    if failures:
        raise _failure(failures[0])


def _at_once(loaded: Loaded, given: dict[str, Any], options: Options, prompt: int, cancelled: Callable[[], bool]) -> Iterator[str]:
    """Several beams cannot be told apart before their end."""
    try:
        tokens = _generate(loaded, given, options, _Stopping(cancelled))[0][prompt:]
    except Exception as error:
        raise _failure(error) from error
    stops = StopTexts(options.stop)
    text = stops.take(loaded.tokenizer.decode(tokens, skip_special_tokens=True))
    yield text + stops.rest()


def _generate(loaded: Loaded, given: dict[str, Any], options: Options, stopping: "_Stopping") -> Any:
    import torch
    from transformers import StoppingCriteriaList

    with _sampling if given["do_sample"] else contextlib.nullcontext(), torch.inference_mode():
        if options.seed is not None:
            torch.manual_seed(options.seed)
        return loaded.model.generate(**given, stopping_criteria=StoppingCriteriaList([stopping]))


class _Stopping:
    """A stopping criterion of transformers: true for every row when the work has lost its point."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._event = threading.Event()
        self._cancelled = cancelled

    def set(self) -> None:
        self._event.set()

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        ends = self._event.is_set() or self._cancelled()
        return torch.full((input_ids.shape[0],), ends, dtype=torch.bool, device=input_ids.device)


def _failure(error: BaseException) -> HostError:
    if isinstance(error, HostError):
        return error
    if isinstance(error, (ValueError, TypeError)):
        return HostError("INVALID_ARGUMENT", f"the model cannot generate so: {' '.join(str(error).split())[:300]}", trace(error))
    return HostError("INTERNAL", summary(error), trace(error))
