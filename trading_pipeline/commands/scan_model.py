"""Who speaks in a scan: the champion of falls, else the shadow without risk, else nobody."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.selloff_models import load_fall_models
from trading_pipeline.domain.selloffs.alerts import NoModel, Speaker
from trading_pipeline.domain.selloffs.model import SelloffModel


@dataclass(frozen=True, slots=True, eq=False)
class ServingModel:
    """A version in service. What a shadow says is shown, and nothing is risked on it."""

    version: str
    model: SelloffModel
    is_shadow: bool = False

    def speak(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return what the model says of falls; a shadow's risk tier is 0."""
        said = self.model.speak(features)
        return said.assign(risk_tier=0.0) if self.is_shadow else said


def model_in_service(warehouse: Warehouse, home: Path, threads: int) -> tuple[Speaker, str]:
    """Return who speaks, and what is to be told of a model that should and cannot; else empty."""
    models = load_fall_models(home, warehouse, threads)
    faults: list[str] = []
    for role, serving in (("champion", models.champion), ("shadow", models.shadow)):
        if serving is None:
            continue
        if serving.model is not None:
            is_shadow = role == "shadow"
            speaker = ServingModel(serving.model_version, serving.model, is_shadow)
            # A first word takes many times as long as the next: libraries load what they need.
            speaker.speak(pd.DataFrame(np.nan, index=[0], columns=serving.model.features))
            return speaker, "; ".join(faults)
        faults.append(f"{role} {serving.model_version} cannot be asked: {serving.fault}")
    return NoModel(), "; ".join(faults)


def words_of(speaker: Speaker) -> str:
    """Return who speaks, and in which role."""
    if not isinstance(speaker, ServingModel):
        return "none in service: no probability, no risk"
    role = "shadow: nothing is risked on it" if speaker.is_shadow else "champion"
    return f"{speaker.version}, {role}"


def has_learned_from(speaker: Speaker, session: int) -> bool:
    """Tell whether who speaks was fitted on falls of a session, given by its ordinal."""
    if not isinstance(speaker, ServingModel):
        return False
    trained = speaker.model.trained
    return trained.first_session <= session <= trained.last_session
