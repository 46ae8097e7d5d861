"""How good resolved predictions were, by sector and by symbol, with intervals, worst first."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import OutcomesConfig
from trading_pipeline.domain.ensemble.metrics import (
    auc,
    expected_calibration_error,
    logistic_line,
    logit,
)
from trading_pipeline.domain.ensemble.scores import Interval, SessionBootstrap, auc_interval

ALL, SECTOR, SYMBOL = "all", "sector", "symbol"
NO_SECTOR = "unknown"
SCORES = (
    "hit_rate",
    "hit_rate_low",
    "hit_rate_high",
    "raw_hit_rate",
    "auc",
    "auc_low",
    "auc_high",
    "ece",
    "calibration_slope",
)
TRACKING_COLUMNS = (
    "role",
    "level",
    "name",
    "position",
    "n_rows",
    "n_sessions",
    "n_horizons",
    "is_assessable",
    *SCORES,
)


def track_outcomes(
    resolved: pd.DataFrame, sectors: pd.DataFrame, config: OutcomesConfig
) -> pd.DataFrame:
    """Return outcomes.tracking: each role's resolved predictions, all, by sector and by symbol.

    The hit rate is that of the excess return: the side of the universe's median; the raw one
    stands beside it. Intervals come from a bootstrap over blocks of sessions two horizons long,
    because spans overlap. Fewer than `min_horizons` independent horizons, or one label only, are
    not assessable: no score is given, and the row comes after those that have one.

    Args:
        resolved: Rows of outcomes.resolved; those without a label are left out. Where several
            models of a role said one session, the newest of them counts.
        sectors: symbol and gics_sector; a symbol without one belongs to `unknown`.
        config: Thresholds and bootstrap.

    Returns:
        Ordered by role, level and position; within each the lowest AUC stands first.
    """
    rows = resolved.dropna(subset=["label", "excess_return_frac"])
    # A model is newer than another where it began to speak later.
    began = rows.groupby(["role", "model_version"])["session"].transform("min")
    rows = rows.assign(began=began).sort_values(["role", "session", "symbol", "began"])
    rows = rows.drop_duplicates(["role", "session", "symbol"], keep="last", ignore_index=True)
    sector_of = sectors.set_index("symbol")["gics_sector"]
    rows = rows.assign(sector=rows["symbol"].map(sector_of).fillna(NO_SECTOR), everything=ALL)
    found = []
    for level, column in ((ALL, "everything"), (SECTOR, "sector"), (SYMBOL, "symbol")):
        for (role, name), own in rows.groupby(["role", column], sort=True):
            found.append({"role": role, "level": level, "name": name, **_score(own, config)})
    if not found:
        return pd.DataFrame({name: pd.Series(dtype=_kind(name)) for name in TRACKING_COLUMNS})
    table = pd.DataFrame(found).sort_values(["role", "level", "auc", "name"], na_position="last")
    table["position"] = table.groupby(["role", "level"]).cumcount() + 1
    return table[list(TRACKING_COLUMNS)].reset_index(drop=True)


def _score(rows: pd.DataFrame, config: OutcomesConfig) -> dict[str, object]:
    """Return the scores of one group; its rows are in order of session and symbol."""
    horizon = int(rows["horizon_sessions"].max())
    session = rows["session"].to_numpy("int64")
    n_sessions = int(np.unique(session).size)
    p, y = rows["probability"].to_numpy("float64"), rows["label"].to_numpy("float64")
    is_assessable = n_sessions / horizon >= config.min_horizons and not np.isnan(auc(p, y))
    counts: dict[str, object] = {
        "n_rows": len(rows),
        "n_sessions": n_sessions,
        "n_horizons": n_sessions / horizon,
        "is_assessable": is_assessable,
    }
    if not is_assessable:
        return {**counts, **dict.fromkeys(SCORES, float("nan"))}
    bootstrap = SessionBootstrap.build(
        session,
        horizon,
        n_samples=config.bootstrap_samples,
        interval_sd=config.interval_sd,
        seed=config.seed,
    )
    hits = hit_interval(rows["hit_excess"].to_numpy("float64"), session, bootstrap)
    ranking = auc_interval(p, y, session, bootstrap)
    return {
        **counts,
        "hit_rate": hits.value,
        "hit_rate_low": hits.low,
        "hit_rate_high": hits.high,
        "raw_hit_rate": float(rows["hit_raw"].to_numpy("float64").mean()),
        "auc": ranking.value,
        "auc_low": ranking.low,
        "auc_high": ranking.high,
        "ece": expected_calibration_error(p, y),
        "calibration_slope": logistic_line(logit(p), y)[1],
    }


def hit_interval(
    hit: NDArray[np.float64], session: NDArray[np.int64], bootstrap: SessionBootstrap
) -> Interval:
    """Return the share of hits (n,), 0 or 1, pooled over rows, with its interval."""
    codes, n = bootstrap.codes(session), bootstrap.sessions.size
    hits, rows = np.bincount(codes, hit, n), np.bincount(codes, minlength=n)
    samples = (bootstrap.draws @ hits) / np.maximum(bootstrap.draws @ rows, 1.0)
    return bootstrap.around(float(hit.mean()), samples)


def _kind(name: str) -> str:
    if name in ("role", "level", "name"):
        return "object"
    if name == "is_assessable":
        return "bool"
    return "int64" if name in ("position", "n_rows", "n_sessions") else "float64"
