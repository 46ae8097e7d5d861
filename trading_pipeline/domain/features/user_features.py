"""A user's own features, held to the rules of the built-in ones."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.feature_module import FeatureModule
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Feature

COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
# Columns that stand beside the features somewhere in the program.
RESERVED = {
    *PROVENANCE_COLUMNS,
    "symbol",
    "session_date",
    "session",
    "known_at",
    "label",
    "regime",
    "event_regime",
    "start_session",
    "end_session",
    "is_closed",
    "excess_return_frac",
    "uniqueness",
    "block",
}
# Without a prefix an input is a column of the symbol's own bars.
OWN_BARS = ("open", "high", "low", "close", "volume", "return")


def user_features(
    module: FeatureModule, config: FeaturesConfig, taken: Collection[str]
) -> tuple[Feature, ...]:
    """Return the features of a user's module, each watched while it computes.

    Args:
        module: The file as it was loaded.
        config: Settings, handed to the module's `features(config)`.
        taken: Names of the built-in features.

    Raises:
        InputError: The module fails or returns something else; a name is no column name, stands
            for something else, or occurs twice; a lookback below 1; an unknown input; a text
            that is empty. While computing: an exception, a wrong shape or type, changed bars.
    """
    try:
        made = module.make(config)
    except Exception as error:
        raise InputError(
            f"{module.path}: features(config) raised {type(error).__name__}: {error}; correct it"
        ) from error
    if not isinstance(made, Sequence) or isinstance(made, str):
        raise InputError(
            f"{module.path}: features(config) gave {type(made).__name__}; return a tuple of Feature"
        )
    checked: list[Feature] = []
    for place, feature in enumerate(made, start=1):
        if not isinstance(feature, Feature):
            raise InputError(
                f"{module.path}: item {place} is {type(feature).__name__}; make it a Feature"
            )
        names = {one.name for one in checked}
        problem = _problem(feature, taken, names)
        if problem:
            raise InputError(f"{module.path}: feature {feature.name!r} {problem}")
        checked.append(_watched(feature, module.path))
    return tuple(checked)


def _problem(feature: Feature, taken: Collection[str], names: set[str]) -> str:
    if not isinstance(feature.name, str) or not COLUMN.fullmatch(feature.name):
        return "is no column name; use a to z, 0 to 9 and _, a letter first, at most 63"
    if feature.name in RESERVED:
        return "has the name of another column; choose a different one"
    if feature.name in taken:
        return "has the name of a built-in feature; choose a different one"
    if feature.name in names:
        return "is defined twice; give each its own name"
    if feature.stage != "daily":
        return f"has stage {feature.stage!r}; a module adds daily features"
    if not isinstance(feature.lookback_sessions, int) or feature.lookback_sessions < 1:
        return f"has a lookback of {feature.lookback_sessions}; give the bars it reads, at least 1"
    if not feature.inputs or isinstance(feature.inputs, str):
        return "names no inputs; give a tuple such as ('close',)"
    unknown = [name for name in feature.inputs if name not in OWN_BARS and "." not in name]
    if unknown:
        return (
            f"reads unknown {', '.join(unknown)}; inputs are {', '.join(OWN_BARS)}, index.close ..."
        )
    for text in ("family", "formula", "unit", "source", "known_at_rule"):
        if not getattr(feature, text):
            return f"has an empty {text}; say it in words"
    if not callable(feature.compute):
        return "has no function to compute it; give compute"
    return ""


def _watched(feature: Feature, path: str) -> Feature:
    """Return the feature with a `compute` whose failures name file, feature and remedy."""

    def compute(panel: Panel) -> Values:
        before = {name: values.copy() for name, values in panel.columns.items()}
        where = f"{path}: feature {feature.name!r}"
        try:
            values = np.asarray(feature.compute(panel))
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{where} raised {type(error).__name__}: {error}; correct its compute"
            ) from error
        if values.shape != (panel.size,):
            raise InputError(
                f"{where} gave shape {values.shape} for {panel.size} rows; "
                "return one number per row of the panel"
            )
        if values.dtype.kind not in "fiub":
            raise InputError(f"{where} gave {values.dtype} values; return numbers, NaN as missing")
        for name, kept in before.items():
            if not np.array_equal(panel.columns[name], kept, equal_nan=True):
                raise InputError(f"{where} changed the bars' {name}; work on a copy")
        return values.astype("float64")

    return replace(feature, compute=compute)
