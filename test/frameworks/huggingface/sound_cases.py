"""Speech, against transformers' pipeline for the same samples."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import numpy
import transformers
from tasks import ROOT, case, rows, served, tensors

RATE = 16_000
TONE = (numpy.sin(numpy.arange(RATE // 2) * 0.3) * numpy.linspace(0.1, 0.9, RATE // 2) * 32767).astype("<i2")
SAMPLES = TONE.astype(numpy.float32) / 32768


def wav(frames: bytes, width: int, channels: int = 1, rate: int = RATE) -> str:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return base64.b64encode(buffer.getvalue()).decode()


def add() -> None:
    for name in ("automatic_speech_recognition", "speech_ctc"):
        pipeline = transformers.pipeline("automatic-speech-recognition", model=f"{ROOT}/{name}")
        text = pipeline({"raw": SAMPLES, "sampling_rate": RATE})["text"]
        host = served(name)
        case(name)(lambda host=host, text=text: (rows(host, [SAMPLES.tolist()]), [text]))
        case(f"{name}, objects")(lambda host=host, text=text: (rows(host, [{"audio": SAMPLES.tolist()}], "pipeline"), [{"text": text}]))
        case(f"{name}, tensor")(lambda host=host, text=text: (tensors(host, audio=SAMPLES[None]), [text]))
        forms(name, host, text)
    resampled()


def forms(name: str, host: Any, text: str) -> None:
    stereo = numpy.repeat(TONE, 2).tobytes()
    wide = (TONE.astype("<i4") << 16).tobytes()
    middle = b"".join(int(sample << 8).to_bytes(3, "little", signed=True) for sample in TONE.astype("<i4").tolist())
    files = {"16 bits": wav(TONE.tobytes(), 2), "stereo": wav(stereo, 2, 2), "32 bits": wav(wide, 4), "24 bits": wav(middle, 3)}
    for form, file in files.items():
        case(f"{name}, WAV of {form}")(lambda file=file: (rows(host, [{"b64": file}, {"audio": file}]), [text, text]))


def resampled() -> None:
    """A sine of another rate is the same sine."""
    from nitrous_host.huggingface.audio import resample

    def sine(rate: int) -> numpy.ndarray:
        return numpy.sin(numpy.arange(rate) * (2 * numpy.pi * 440 / rate)).astype(numpy.float32)

    for rate in (8000, 44100, 16001):
        case(f"sound of {rate} hertz")(lambda rate=rate: (resample(sine(rate), rate, RATE).tolist(), sine(RATE).tolist()))
