"""Sound that clients send: WAV files in bytes or base64, and samples."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Specification
from nitrous_host.huggingface.rows import from_base64, rows_of, shown
from nitrous_host.payload import Call

AUDIO = "audio"
INPUTS: list[Specification] = [{"name": AUDIO, "datatype": "FP32", "shape": [-1, -1]}]
EXPECTED = 'a WAV file as {"b64": ...} or base64 text, or samples from -1 to 1'
# Highest sampling rate that is taken for one.
MOST_HERTZ = 768_000


def audio_rows(call: Call, rate: int) -> list[numpy.ndarray]:
    """Samples [samples] of each row, at so many hertz, which samples that come as numbers have already. Raises HostError INVALID_ARGUMENT."""
    rows = rows_of(call, (AUDIO, "sampling_rate"), ("sampling_rate",))
    return [_samples(row[AUDIO], row.get("sampling_rate", rate), rate, index) for index, row in enumerate(rows)]


def _samples(value: Any, given: Any, rate: int, index: int) -> numpy.ndarray:
    if isinstance(value, str):
        value = _from_text(value, index)
    if isinstance(value, bytes):
        samples, given = _read_wave(value, index)
    elif isinstance(value, (list, numpy.ndarray)):
        samples = _numbers(value, index)
    else:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the audio is {shown(value)}; expected {EXPECTED}")
    if not numpy.isscalar(given) or isinstance(given, (str, bool)) or not 0 < given <= MOST_HERTZ:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: sampling_rate is {shown(given)}; expected hertz, such as {rate}")
    if len(samples) == 0:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the audio is empty")
    return resample(samples, int(given), rate)


def _from_text(text: str, index: int) -> bytes:
    if text.startswith(("http://", "https://")):
        raise HostError("INVALID_ARGUMENT", f"instance {index}: audio is not fetched from addresses; send the file itself, in base64")
    if text.startswith("RIFF"):
        # A WAV file that happens to be UTF-8 comes as text in a BYTES tensor.
        return text.encode()
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return from_base64(text)
    except HostError as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the audio is text that is not base64; expected {EXPECTED}") from error


def _read_wave(data: bytes, index: int) -> tuple[numpy.ndarray, int]:
    """Samples of all channels together, from -1 to 1, and their rate."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError, RuntimeError) as error:
        reason = f"{error}" if data[:4] == b"RIFF" else "it does not begin with RIFF"
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the audio is no WAV file of whole-number samples: {reason}") from error
    whole = len(frames) - len(frames) % (width * channels)
    frames = frames[:whole]
    if width == 1:
        samples = (numpy.frombuffer(frames, numpy.uint8).astype(numpy.float32) - 128) / 128
    elif width == 3:
        parts = numpy.frombuffer(frames, numpy.uint8).reshape(-1, 3).astype(numpy.int32)
        joined = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
        samples = ((joined ^ 0x800000) - 0x800000).astype(numpy.float32) / 2**23
    elif width in (2, 4):
        samples = numpy.frombuffer(frames, f"<i{width}").astype(numpy.float32) / 2 ** (8 * width - 1)
    else:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: WAV samples of {width} bytes are not read; expected 1 to 4")
    return samples.reshape(-1, channels).mean(1), rate


def _numbers(value: Any, index: int) -> numpy.ndarray:
    try:
        samples = numpy.asarray(value, dtype=numpy.float32)
    except (ValueError, TypeError) as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the audio's samples are not all numbers") from error
    if samples.ndim != 1 or not numpy.isfinite(samples).all():
        raise HostError(
            "INVALID_ARGUMENT", f"instance {index}: the audio is {shown(samples)}; expected finite numbers, one for each sample"
        )
    return samples


def resample(samples: numpy.ndarray, given: int, wanted: int) -> numpy.ndarray:
    """The same sound at another rate, by its spectrum."""
    if given == wanted:
        return samples
    count = max(1, round(len(samples) * wanted / given))
    spectrum = numpy.fft.rfft(samples)
    kept = numpy.zeros(count // 2 + 1, spectrum.dtype)
    both = min(len(spectrum), len(kept))
    kept[:both] = spectrum[:both]
    return (numpy.fft.irfft(kept, count) * (count / len(samples))).astype(numpy.float32)
