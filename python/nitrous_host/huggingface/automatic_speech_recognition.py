"""Task automatic_speech_recognition: the words of a recording."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.huggingface import audio
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.pipelines import make_pipeline, number, objects, one_of, parameters_of, whole
from nitrous_host.payload import Call, Payload

OF_GENERATION = ("max_new_tokens", "language", "task")


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "automatic-speech-recognition")
    rate = int(loaded.feature_extractor.sampling_rate)
    known: dict[str, Any] = {"chunk_length_s": number(0, 3600), "return_timestamps": _timestamps}
    if not type(loaded.model).__name__.endswith("ForCTC"):
        known |= {"max_new_tokens": whole(1), "language": str, "task": one_of("transcribe", "translate")}

    def recognise(call: Call) -> list[Any]:
        recordings = audio.audio_rows(call, rate)
        options = parameters_of(call, known)
        generation = {name: options.pop(name) for name in OF_GENERATION if name in options}
        if generation:
            options["generate_kwargs"] = generation
        return [pipeline({"raw": samples, "sampling_rate": rate}, **options) for samples in recordings]

    def predict(call: Call) -> Payload:
        return tensors(output_0=numpy.array([result["text"] for result in recognise(call)], dtype=object))

    def as_objects(call: Call) -> Payload:
        return objects(recognise(call))

    outputs = [{"name": "output-0", "datatype": "BYTES", "shape": [-1]}]
    tone = numpy.sin(numpy.arange(rate // 4) * (440 * 2 * numpy.pi / rate)).round(4).tolist()
    return {
        "predict": Method(audio.INPUTS, predict, outputs=outputs, samples=[tone]),
        "pipeline": Method(audio.INPUTS, as_objects),
    }


def _timestamps(value: Any) -> Any:
    if value not in (True, False, "word", "char"):
        raise ValueError("expected true, false, word or char")
    return value
