"""How names, numbers and verdicts are written for people."""

import re
from typing import Final

import numpy as np
import pandas as pd

NOT_ASSESSABLE: Final = "not assessable"
_NAMES: Final = {
    "all": "all regimes",
    "stack": "stack",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "plain_lightgbm": "plain LightGBM",
    "momentum_12_1": "12–1 momentum",
    "mlp": "neural network",
    "logistic": "logistic regression",
    "svm": "linear SVM",
    "gru": "recurrent network (GRU)",
    "auc_and_sharpe": "AUC and Sharpe together",
    "auc_low": "lower end of the AUC",
    "sharpe_net": "Sharpe, net of costs",
    "champion": "lower end of the lead over the champion",
    "volatility_baseline": "lower end of the lead over volatility only",
    "latency_ms": "latency",
    "model_mb": "model size",
    "ece": "calibration error (ECE)",
    "accuracy_above_majority": "lower end of the accuracy over the majority",
    "auc_above_trivial": "lower end of the AUC over the trivial score",
    "gain_r": "gain over taking all, R",
    "gain_frac": "gain as a share of what taking all makes",
    "gain_r_low": "lower end of the gain, R",
}
_UNITS: Final = {"usd": "USD", "bps": "bps", "ms": "ms", "mb": "MB", "sessions": "sessions"}
_ACRONYMS: Final = {name: name.upper() for name in ("auc", "dsr", "psr", "pbo", "ic", "ece", "psi")}


def words(name: str) -> str:
    """Write a column or category name as words: `max_drawdown_frac` is `max drawdown`."""
    if name in _NAMES:
        return _NAMES[name]
    parts = name.removesuffix("_frac").removesuffix("_usd").removesuffix("_bps").split("_")
    return " ".join(_ACRONYMS.get(part, part) for part in parts)


def is_missing(value: object) -> bool:
    """Tell whether a cell holds no value."""
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]


def quantity(value: object, name: str = "") -> str:
    """Write a measured value with the unit its name carries; a missing one as words."""
    if is_missing(value):
        return NOT_ASSESSABLE
    number = float(value)  # type: ignore[arg-type]
    if np.isinf(number):
        return "∞" if number > 0 else "−∞"
    suffix = name.rsplit("_", 1)[-1]
    if name.endswith("_frac"):
        return minus_signs(f"{number * 100:.2f} %")
    if suffix in _UNITS:
        digits = 0 if abs(number) >= 1000 or suffix == "sessions" else 1
        return minus_signs(f"{number:,.{digits}f} {_UNITS[suffix]}")
    if name.startswith("n_") or (number == round(number) and abs(number) >= 10):
        return minus_signs(f"{number:,.0f}")
    return minus_signs(f"{number:,.3f}" if abs(number) < 100 else f"{number:,.1f}")


def minus_signs(text: str) -> str:
    """Replace the hyphen before a number by a minus sign; hyphens in words and dates stay."""
    return re.sub(r"(?<![\w)])-(?=[\d.∞])", "−", text)


def between(value: object, low: object, high: object, name: str = "") -> str:
    """Write a value with its interval; without ends it says that there is no interval."""
    shown = quantity(value, name)
    if shown == NOT_ASSESSABLE:
        return shown
    if is_missing(low) or is_missing(high):
        return f"{shown} (no interval)"
    return f"{shown} [{quantity(low, name)}, {quantity(high, name)}]"


def day(value: object) -> str:
    """Write a date as 2023-01-31."""
    return "–" if is_missing(value) else pd.Timestamp(value).strftime("%Y-%m-%d")  # type: ignore[arg-type]


def whole(value: object) -> str:
    """Write a count with thousands separators."""
    return "–" if is_missing(value) else f"{int(value):,}"  # type: ignore[call-overload]


def joined(items: list[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def plural(n: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}s"
