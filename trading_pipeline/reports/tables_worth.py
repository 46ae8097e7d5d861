"""Table of the parts of the training: each one on and off, by regime."""

import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.reports.plots_effects import PARTS
from trading_pipeline.reports.plots_model import in_order
from trading_pipeline.reports.table import Cell, Row, Table, counted, table_of, worded
from trading_pipeline.reports.wording import NOT_ASSESSABLE, between, quantity

STATES = {
    "helps": ("✓ helps", "good"),
    "hurts": ("✗ hurts", "bad"),
    "unclear": ("? unclear", "open"),
}


def effects_table(effects: pd.DataFrame) -> Table:
    """Return the effect of each part by regime with n and interval (ensemble.effects)."""
    order = {name: i for i, name in enumerate(("all", *REGIMES))}
    parts = {name: i for i, name in enumerate(in_order(list(effects["switch"]), PARTS))}

    def found(row: Row) -> Cell:
        return Cell(*STATES.get(str(row["finding"]), (f"? {NOT_ASSESSABLE}", "open")))

    def difference(row: Row) -> str:
        if not row["is_assessable"]:
            return NOT_ASSESSABLE
        return between(row["difference"], row["difference_low"], row["difference_high"])

    return table_of(
        "What each part is worth, before the hold-out",
        effects.sort_values(
            ["switch", "regime"],
            key=lambda s: s.map(order if s.name == "regime" else parts),
        ),
        [
            ("part", worded("switch"), False),
            ("in this run", lambda row: "on" if row["acts"] else "off", False),
            ("regime", worded("regime"), False),
            ("finding", found, False),
            ("AUC, on less off", difference, True),
            ("AUC on", lambda row: quantity(row["auc_on"]), True),
            ("AUC off", lambda row: quantity(row["auc_off"]), True),
            ("rows", counted("n_rows"), True),
            ("sessions", counted("n_sessions"), True),
            ("horizons", lambda row: f"{row['n_horizons']:.1f}", True),
        ],
        "Paired: both sides are scored on the same rows and resamples. Features and parameters of "
        "a block were found on blocks before it.",
    )
