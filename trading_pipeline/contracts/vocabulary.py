"""Words that several layers share: regimes, learners, roles, verdicts, and their fixed orders."""

from typing import Final

REGIMES: Final = ("crash", "recovery", "high_volatility", "normal", "low_volatility")
UNKNOWN_REGIME: Final = "unknown"
# Learners of ensemble.holdout that stand beside the model.
BASELINES: Final = ("volatility_only", "momentum_12_1", "plain_lightgbm")
PROVENANCE_COLUMNS: Final = ("run_id", "code_version", "data_version", "config_version")

# One order everywhere: the graph's groups, the progress bar, the report.
STAGES: Final = (
    "bars",
    "regimes",
    "memory",
    "features",
    "labels",
    "splits",
    "sweeps",
    "ensemble",
    "backtest",
    "gate",
    "predictions",
    "outcomes",
    "drift",
    "selloffs",
    "scans",
    "reports",
)
# Tables whose rows live in the lake, with the partition they are cut by.
LAKE_TABLES: Final = {
    "bars.minute": "month",
    "bars.intraday": "month",
    "bars.quotes": "month",
    "features.daily": "year",
    "features.intraday": "month",
    "memory.archive": "year",
    "selloffs.events": "month",
    "selloffs.features": "month",
    "selloffs.outcomes": "month",
}
