"""LightGBM: boosters saved as text."""

from typing import Callable

import lightgbm

from ..errors import HostError
from . import read_example
from .boosters import BoosterModel


def load(meta: dict, report: Callable[[str], None]) -> BoosterModel:
    report("reading the booster")
    try:
        booster = lightgbm.Booster(model_file=meta["file"])
    except lightgbm.basic.LightGBMError as error:
        raise HostError("INVALID_ARGUMENT", f"its file is not a LightGBM model: {error}") from error
    names = booster.feature_name()
    columns = None if names == [f"Column_{index}" for index in range(len(names))] else names
    threads = meta["threads"]

    def predict(rows):
        return booster.predict(rows, num_threads=threads)

    return BoosterModel(predict, booster.num_feature(), columns, ("lightgbm", lightgbm.__version__), read_example(meta))
