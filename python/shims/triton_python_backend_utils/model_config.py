"""The model configuration, as `auto_complete_config` completes it."""

from __future__ import annotations

import json
from typing import Any, Iterable


class ModelConfig:
    """What the configuration file says stays as it is: a method that would change it raises ValueError."""

    def __init__(self, model_config: str) -> None:
        self._model_config: dict[str, Any] = json.loads(model_config)
        self._model_config.setdefault("input", [])
        self._model_config.setdefault("output", [])
        self._model_config.setdefault("max_batch_size", 0)

    def as_dict(self) -> dict[str, Any]:
        """Only to be read."""
        return self._model_config

    def set_max_batch_size(self, max_batch_size: int) -> None:
        present = self._model_config["max_batch_size"]
        if present > max_batch_size:
            raise ValueError(
                f"configuration specified max_batch_size {present}, but in auto-complete-config function for model '{self._name}' "
                f"specified max_batch_size {max_batch_size}"
            )
        self._model_config["max_batch_size"] = max_batch_size

    def set_dynamic_batching(self) -> None:
        for scheduler in ("sequence_batching", "ensemble_scheduling"):
            if scheduler in self._model_config:
                raise ValueError(
                    f"Configuration specified scheduling_choice as '{scheduler}', but auto-complete-config function for model "
                    f"'{self._name}' tries to set scheduling_choice as 'dynamic_batching'"
                )
        self._model_config.setdefault("dynamic_batching", {})

    def add_input(self, input: dict[str, Any]) -> None:  # noqa: A002
        self._add("input", input, ("name", "data_type", "dims", "optional"))

    def add_output(self, output: dict[str, Any]) -> None:
        self._add("output", output, ("name", "data_type", "dims"))

    def set_model_transaction_policy(self, transaction_policy_dict: dict[str, Any]) -> None:
        if any(name != "decoupled" for name in transaction_policy_dict):
            raise ValueError(
                f"model transaction property in auto-complete-config function for model '{self._name}' contains property other than 'decoupled'."
            )
        policy = self._model_config.setdefault("model_transaction_policy", {})
        if "decoupled" not in transaction_policy_dict:
            return
        decoupled = transaction_policy_dict["decoupled"]
        if policy.get("decoupled", decoupled) != decoupled:
            raise ValueError(
                f"trying to change decoupled property in auto-complete-config for model '{self._name}', which is already set to "
                f"'{policy['decoupled']}'."
            )
        policy["decoupled"] = decoupled

    @property
    def _name(self) -> str:
        return str(self._model_config.get("name", ""))

    def _add(self, kind: str, tensor: dict[str, Any], known: Iterable[str]) -> None:
        where = f"in auto-complete-config function for model '{self._name}'"
        if "name" not in tensor:
            raise ValueError(f"{kind} {where} is missing 'name' property.")
        name = tensor["name"]
        *others, last = (f"'{each}'" for each in known)
        if any(each not in known for each in tensor):
            raise ValueError(f"{kind} '{name}' {where} contains property other than {', '.join(others)} and {last}.")
        for needed in ("data_type", "dims"):
            if needed not in tensor:
                raise ValueError(f"{kind} '{name}' {where} is missing '{needed}' property.")
        present = next((each for each in self._model_config[kind] if each["name"] == name), None)
        if present is None:
            self._model_config[kind].append(tensor)
            return
        self._check(kind, present, tensor)
        present.update(tensor)

    def _check(self, kind: str, present: dict[str, Any], tensor: dict[str, Any]) -> None:
        name = tensor["name"]
        datatype = present.get("data_type", "TYPE_INVALID")
        if datatype not in ("TYPE_INVALID", tensor["data_type"]):
            raise ValueError(
                f"unable to load model '{self._name}', configuration expects datatype {datatype} for {kind} '{name}', model provides "
                f"{tensor['data_type']}"
            )
        for what in ("dims", "optional"):
            if present.get(what) and what in tensor and present[what] != tensor[what]:
                raise ValueError(
                    f"model '{self._name}', tensor '{name}': the model expects {what} {tensor[what]} but the model configuration specifies "
                    f"{what} {present[what]}"
                )
