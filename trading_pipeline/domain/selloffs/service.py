"""Which models of falls are in service, ready to be asked; nothing but a human makes a champion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.gate.decisions import FALLS, service_roles
from trading_pipeline.domain.selloffs.model import SelloffModel

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """One version in a role. `model` is None where it cannot be asked, and `fault` says why."""

    model_version: str
    model: SelloffModel | None
    fault: str


@dataclass(frozen=True, slots=True, eq=False)
class FallModels:
    """The champion of falls, whose word counts, and the shadow, which only is listened to."""

    champion: Serving | None
    shadow: Serving | None


def models_in_service(
    decisions: pd.DataFrame, load: Callable[[str], Files], threads: int
) -> FallModels:
    """Return the models of falls in each role; None where nobody is.

    `decisions` is gate.decisions; `load` gives a version's files, or raises InputError.
    """
    held = service_roles(decisions, FALLS)
    champion, shadow = (_serving(held[role], load, threads) for role in ("champion", "shadow"))
    return FallModels(champion, shadow)


def _serving(version: str | None, load: Callable[[str], Files], threads: int) -> Serving | None:
    if version is None:
        return None
    try:
        return Serving(version, SelloffModel.from_files(load(version), threads), "")
    except InputError as error:
        return Serving(version, None, str(error))
    except Exception as error:
        # Each library has errors of its own for bytes it cannot read.
        words = str(error).splitlines()
        return Serving(version, None, f"{type(error).__name__}: {words[0] if words else ''}")
