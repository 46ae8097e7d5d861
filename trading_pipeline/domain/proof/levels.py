"""Does a feature read a level of price or volume, which a later split re-states?"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.proof.finding import Finding
from trading_pipeline.domain.proof.future import Study, Table

PRICES = ("open", "high", "low", "close", "vwap")
# Scaling rounds: differences up to this share of the column's spread are no level.
TOLERANCE = 1e-5


def level_findings(study: Study, symbol: str, split_session: int) -> list[Finding]:
    """Return the features that change when a level is re-stated and nothing else happens.

    Two trials on the frame `bars`: each symbol's prices, factors and volume times a constant of
    its own; and a split of `symbol` at `split_session`, told to a vendor who divides what came
    before by it. Neither may move a value.
    """
    base = study.whole()
    findings: dict[str, Finding] = {}
    for test, bars, what in (
        ("level", _scaled(study.frames["bars"]), "each symbol's prices and volume are rescaled"),
        (
            "late split",
            _split(study.frames["bars"], symbol, split_session),
            f"a later split of {symbol} re-states its bars",
        ),
    ):
        other = Table.of(study, study.build({**study.frames, "bars": bars}, None))
        with np.errstate(invalid="ignore"):
            spread = column_spread(base.values) + 1e-12
            gap = np.abs(base.values - other.values)
            moved = (gap > TOLERANCE * spread) | (np.isnan(base.values) != np.isnan(other.values))
        for column in np.flatnonzero(moved.any(axis=0)).tolist():
            row = np.flatnonzero(moved[:, column])
            row = row[np.argmin(base.clock[row])]
            name, day = base.names[column], pd.Timestamp(base.date[row])
            findings.setdefault(
                name,
                Finding(
                    subject=name,
                    test=test,
                    how=f"`{name}` reads a level: its value for {base.symbol[row]} on "
                    f"{day:%Y-%m-%d} changes when {what}, and nothing else; "
                    "use ratios of price x adj_factor",
                    first_date=day,
                ),
            )
    return [findings[name] for name in base.names if name in findings]


def column_spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the deviation of the present values of each column; 0 where there is none."""
    present = ~np.isnan(values)
    n = np.maximum(present.sum(axis=0), 1)
    centred = np.where(present, values, 0.0)
    centred = np.where(present, values - centred.sum(axis=0) / n, 0.0)
    return np.asarray(np.sqrt((centred**2).sum(axis=0) / n), dtype="float64")


def _scaled(bars: pd.DataFrame) -> pd.DataFrame:
    names = sorted(bars["symbol"].unique())
    factor = bars["symbol"].map({name: 0.37 * 1.3**i for i, name in enumerate(names)})
    columns = [name for name in (*PRICES, "adj_factor", "volume") if name in bars]
    scaled = bars.copy()
    for place, column in enumerate(columns):
        own = factor if column in PRICES else factor ** (1 + 0.1 * place)
        scaled[column] = bars[column] * own
    return scaled


def _split(bars: pd.DataFrame, symbol: str, session: int) -> pd.DataFrame:
    split = bars.copy()
    own = bars["symbol"].eq(symbol)
    after = own & bars["session"].ge(session)
    prices = [name for name in PRICES if name in bars]
    split.loc[after, prices] /= 2.0
    split.loc[after, "volume"] *= 2.0
    split.loc[own & ~after, "adj_factor"] *= 0.5
    return split
