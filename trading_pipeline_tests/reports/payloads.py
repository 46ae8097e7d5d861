"""A made-up run with every frame a report can show, the same at every call."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd

from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.backtest.tear_sheet import drawdown_table, monthly_table
from trading_pipeline.domain.selloffs.backtest import (
    compare_scanners,
    equity_by_session,
    offered_falls,
)
from trading_pipeline.domain.selloffs.edge import edge_verdict
from trading_pipeline.domain.selloffs.gallery import best_and_worst
from trading_pipeline.reports.folds import fold_blocks
from trading_pipeline_tests.domain.selloffs_made import made_falls
from trading_pipeline_tests.domain.selloffs_scored import scored_falls
from trading_pipeline_tests.domain.settings_of import shipped

SEED = 11
SESSIONS = pd.bdate_range("2004-07-01", "2023-12-29")
HOLDOUT = SESSIONS[SESSIONS >= "2022-01-03"]
LEARNERS = ("stack", "lightgbm", "xgboost", "catboost", "volatility_only")
EVENTS = (
    ("financial_crisis_2008", "2008-09-01", "2009-03-31", "crash", 0.20),
    ("debt_ceiling_2011", "2011-07-01", "2011-08-31", "high_volatility", 0.15),
    ("china_devaluation_2015", "2015-08-01", "2015-09-30", "high_volatility", 0.15),
    ("volmageddon_2018", "2018-02-01", "2018-02-28", "crash", 0.20),
    ("covid_crash_2020", "2020-02-20", "2020-03-23", "crash", 0.10),
    ("covid_recovery_2020", "2020-03-24", "2020-06-30", "recovery", 0.10),
    ("inflation_bear_2022", "2022-01-01", "2022-12-31", "high_volatility", 0.05),
    ("banking_crisis_2023", "2023-03-01", "2023-04-30", "high_volatility", 0.05),
)
CRITERIA = (
    ("auc_and_sharpe", 0.514, "AUC >= 0.60 and Sharpe >= 0", False, "AUC 0.514, Sharpe 0.183"),
    ("auc", 0.514, ">= 0.6", False, "0.514 [0.498, 0.530], 38,160 rows; hold-out read 2 times"),
    ("auc_low", 0.498, "> 0.5", False, "0.514 [0.498, 0.530], 38,160 rows"),
    ("sharpe_net", 0.183, ">= 0", True, "0.183 [-1.624, 1.990], 504 sessions; DSR 0.412"),
    ("champion", None, "> -0.005", True, "no champion in service: nothing to compare with"),
    ("volatility_baseline", 0.004, "> 0", True, "0.018 [0.004, 0.032], paired"),
    ("auc_crash", None, ">= 0.50", None, "not assessable: no session of it in the hold-out"),
    ("auc_recovery", 0.541, ">= 0.50", None, "not assessable: 3.0 of 10 horizons"),
    ("auc_high_volatility", 0.522, ">= 0.50", True, "11.5 independent horizons"),
    ("auc_normal", 0.508, ">= 0.50", True, "10.6 independent horizons"),
    ("auc_low_volatility", 0.497, ">= 0.50", None, "not assessable: 2.0 of 10 horizons"),
    ("ece", 0.012, "<= 0.03", True, "expected calibration error"),
    ("calibration_slope", 0.91, "0.8 to 1.2", True, "logistic slope; 1 is calibrated"),
    ("latency_ms", 18.2, "<= 50", True, "per 500 rows"),
    ("model_mb", 6.4, "<= 200", True, "all files together"),
)


def regimes_frame(rng: np.random.Generator) -> pd.DataFrame:
    """Return regimes.market with long calm spells and the rare events inside."""
    regime = np.full(len(SESSIONS), "normal", dtype=object)
    edges = np.sort(rng.choice(len(SESSIONS), 60, replace=False))
    for i, (first, last) in enumerate(pairwise(edges)):
        regime[first:last] = ("normal", "low_volatility", "normal", "high_volatility")[i % 4]
    for _, first, last, name, _ in EVENTS:
        regime[(pd.Timestamp(first) <= SESSIONS) & (pd.Timestamp(last) >= SESSIONS)] = name
    return pd.DataFrame({"session_date": SESSIONS, "regime": regime})


def universe_frame(rng: np.random.Generator) -> pd.DataFrame:
    """Return bars.universe: 20 stocks with ragged starts, one of them delisted."""
    first = SESSIONS[np.sort(rng.integers(0, 900, 20)) * (np.arange(20) > 9)]
    last = pd.DatetimeIndex([SESSIONS[-1]] * 19 + [SESSIONS[3000]])
    return pd.DataFrame(
        {
            "symbol": [f"SYM{i:02d}" for i in range(20)],
            "kind": ["equity"] * 18 + ["etf", "index"],
            "is_index": [False] * 19 + [True],
            "first_date": first,
            "last_date": last,
            "n_sessions": ((last - first).days * 5 / 7).astype(int),
            "is_delisted": [False] * 19 + [True],
            "is_simulated": False,
        }
    )


def quarantine_frame() -> pd.DataFrame:
    """Return bars.quarantine with a name that tries to be markup."""
    reasons = ["high_below_low"] * 31 + ["tick_reverted"] * 12 + ["duplicate_disagrees"] * 3
    return pd.DataFrame(
        {
            "source_file": "daily/a.parquet",
            "target": "bars.daily",
            "symbol": "<b>LII</b>",
            "ts": "2006-03-17",
            "close": 31.2,
            "reason": [*reasons, "not_positive"],
            "detail": "high 30.10 lies below low 31.00",
        }
    )


def trials_frame(rng: np.random.Generator) -> pd.DataFrame:
    """Return sweeps.trials: three learners, four blocks, one failed trial."""
    rows = [
        (f"{name}-{block}", name, block, trial, "complete", '{"num_leaves": 31}', "[0.51, 0.52]")
        for name in LEARNERS[1:4]
        for block in (0, 2, 3, 4)
        for trial in range(10)
    ]
    names = ["sweep_id", "learner", "block", "trial", "state", "params_json", "fold_scores_json"]
    frame = pd.DataFrame(rows, columns=names)
    frame["auc"] = 0.512 + 0.006 * rng.standard_normal(len(frame))
    frame["profit_frac"] = 0.001 - 0.3 * (frame["auc"] - 0.512)
    frame["best_round"] = rng.integers(20, 200, len(frame))
    frame["n_rows"], frame["seconds"] = 40_000, rng.uniform(0.5, 3.0, len(frame))
    frame.loc[5, ["state", "auc", "profit_frac"]] = ["failed", np.nan, np.nan]
    return frame


def predictions(rng: np.random.Generator, sessions: pd.DatetimeIndex, n: int) -> pd.DataFrame:
    """Return probability and label of `n` symbols per session, with a little skill."""
    size = len(sessions) * n
    logit = 0.25 * rng.standard_normal(size)
    chance = 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "symbol": np.tile([f"SYM{i:02d}" for i in range(n)], len(sessions)),
            "session_date": np.repeat(sessions, n),
            "session": np.repeat(np.arange(len(sessions)) + 9000, n),
            "probability": chance,
            "label": (rng.random(size) < 0.5 + 0.4 * (chance - 0.5)).astype("int64"),
        }
    )


def holdout_frame(rng: np.random.Generator, regimes: pd.DataFrame) -> pd.DataFrame:
    """Return ensemble.holdout of all learners."""
    base = predictions(rng, HOLDOUT, 20).merge(regimes, on="session_date")
    parts = []
    for i, name in enumerate(LEARNERS):
        noisy = np.clip(base["probability"] + 0.02 * i * rng.standard_normal(len(base)), 0.02, 0.98)
        parts.append(base.assign(learner=name, probability=noisy))
    return pd.concat(parts, ignore_index=True)


def scores_frame() -> pd.DataFrame:
    """Return ensemble.scores: learners on all rows, the stack by regime, some not assessable."""
    rows = [("all", name, 10_400, 520, 26.0, 0.514 - 0.004 * i) for i, name in enumerate(LEARNERS)]
    counts = dict(zip(REGIMES, (0, 60, 230, 212, 18), strict=True))
    rows += [(r, "stack", counts[r] * 20, counts[r], counts[r] / 20, 0.51) for r in REGIMES]
    names = ["regime", "learner", "n_rows", "n_sessions", "n_horizons", "auc"]
    frame = pd.DataFrame(rows, columns=names)
    frame["is_assessable"] = frame["n_horizons"] >= 10
    frame["auc"] = frame["auc"].where(frame["is_assessable"])
    half = 0.08 / np.sqrt(frame["n_horizons"].clip(lower=1))
    frame["auc_low"], frame["auc_high"] = frame["auc"] - half, frame["auc"] + half
    frame["rank_ic"] = (frame["auc"] - 0.5) * 1.8
    frame["rank_ic_low"], frame["rank_ic_high"] = frame["rank_ic"] - half, frame["rank_ic"] + half
    frame["accuracy"], frame["ece"], frame["calibration_slope"] = frame["auc"] - 0.003, 0.012, 0.91
    return frame


def validation_frame() -> pd.DataFrame:
    """Return ensemble.validation of the stack: five sets, two of them too small."""
    frame = pd.DataFrame({"regime": REGIMES, "n_sessions": (188, 68, 230, 900, 320)})
    frame["learner"], frame["n_rows"] = "stack", frame["n_sessions"] * 20
    frame["n_horizons"] = frame["n_sessions"] / 20
    frame["is_assessable"] = frame["n_horizons"] >= 10
    rare = frame["regime"].isin(["crash", "recovery"])
    frame["source"] = np.where(rare, "archive", "window")
    frame["events"] = np.where(rare, "financial_crisis_2008", "")
    for name, value in (("auc", 0.52), ("accuracy", 0.51), ("ece", 0.02), ("calibration_slope", 1)):
        frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = value, value - 0.01, value + 0.01
    return frame


def effects_frame() -> pd.DataFrame:
    """Return ensemble.effects of two parts; in a recovery there is too little to say."""
    frame = pd.DataFrame(
        [
            (switch, regime, n, difference)
            for switch, difference in (("everything", 0.004), ("stack", 0.012), ("replay", -0.011))
            for regime, n in zip(("all", *REGIMES), (1706, 288, 68, 230, 900, 320), strict=True)
        ],
        columns=["switch", "regime", "n_sessions", "difference"],
    )
    frame["acts"] = frame["switch"] != "replay"
    frame["n_rows"], frame["n_horizons"] = frame["n_sessions"] * 20, frame["n_sessions"] / 20
    frame["is_assessable"] = frame["n_horizons"] >= 10
    frame["auc_on"], frame["auc_off"] = 0.52 + frame["difference"], 0.52
    frame["difference_low"] = frame["difference"] - 0.01
    frame["difference_high"] = frame["difference"] + 0.01
    findings = {"everything": "unclear", "stack": "helps", "replay": "hurts"}
    told = frame["switch"].map(findings)
    return frame.assign(finding=told.where(frame["is_assessable"], "not assessable"))


def tracking_frame() -> pd.DataFrame:
    """Return outcomes.tracking of one role: all, three sectors, 12 symbols, the last too short."""
    names = {"all": ["all"], "sector": ["Energy", "Health Care", "Utilities"]}
    names["symbol"] = [f"STK{i:02d}" for i in range(12)]
    rows = []
    for level, own in names.items():
        for place, name in enumerate(own, start=1):
            is_assessable = level == "all" or place < len(own)
            auc = 0.47 + 0.005 * place if is_assessable else np.nan
            scores = {"auc": auc, "auc_low": auc - 0.02, "auc_high": auc + 0.02}
            scores |= {"hit_rate": auc, "hit_rate_low": auc - 0.02, "hit_rate_high": auc + 0.02}
            scores |= {"raw_hit_rate": auc / 2, "ece": auc / 20, "calibration_slope": auc * 2}
            rows.append(
                {
                    "role": "shadow",
                    "level": level,
                    "name": name,
                    "position": place,
                    "n_rows": 480 if is_assessable else 40,
                    "n_horizons": 24.0 if is_assessable else 2.0,
                    "is_assessable": is_assessable,
                    **scores,
                }
            )
    return pd.DataFrame(rows)


def drift_predictions_frame() -> pd.DataFrame:
    """Return drift.predictions of two sessions, the AUC not assessable yet."""
    return pd.DataFrame(
        {
            "session_date": SESSIONS[-2:],
            "session": [5000, 5001],
            "psi": [0.11, 0.12],
            "threshold": 0.31,
            "auc": np.nan,
            "auc_low": np.nan,
            "auc_high": np.nan,
            "hit_rate": np.nan,
            "n_resolved": 60,
            "n_horizons": 3.0,
        }
    )


def drift_regimes_frame() -> pd.DataFrame:
    """Return drift.regimes where high volatility fills more of the window than in training."""
    is_high = np.array(REGIMES) == "high_volatility"
    return pd.DataFrame(
        {
            "regime": REGIMES,
            "share_trained": 0.2,
            "share_live": np.where(is_high, 0.8, 0.05),
            "threshold": 0.6,
            "is_drifted": is_high,
        }
    )


def explanations_frame() -> pd.DataFrame:
    """Return ensemble.explanations of 24 features, one of which changes its sign."""
    sessions = {"all": 1260, **dict(zip(REGIMES, (60, 40, 230, 600, 330), strict=True))}
    rows = []
    for regime, n in sessions.items():
        weight = 1 / np.arange(3, 27)
        for i, share in enumerate(weight / weight.sum()):
            sign = (-1) ** i * (-1 if (i, regime) == (3, "normal") else 1)
            is_flipped = i == 3 and regime in ("normal", "high_volatility", "low_volatility")
            rows.append((f"feature_{i:02d}", regime, share, i + 1, 0.5 * sign, sign, is_flipped, n))
    names = ["feature", "regime", "share_frac", "rank", "relation", "sign", "is_flipped"]
    frame = pd.DataFrame(rows, columns=[*names, "n_sessions"])
    frame["relation_low"], frame["relation_high"] = frame["relation"] - 0.1, frame["relation"] + 0.1
    frame["n_rows"], frame["n_horizons"] = frame["n_sessions"] * 20, frame["n_sessions"] / 20
    frame["is_assessable"] = frame["n_horizons"] >= 10
    frame["sign"] = frame["sign"].astype("Int64").where(frame["is_assessable"])
    return frame.assign(learner="mean", importance=frame["share_frac"] / 10)


def equity_frame(rng: np.random.Generator) -> pd.DataFrame:
    """Return backtest.equity over the hold-out."""
    gross = rng.normal(0.0002, 0.004, len(HOLDOUT))
    gross[0] = 0.0
    cost = np.full(len(HOLDOUT), 45.0)
    equity = 1_000_000 * np.cumprod(1 + gross) - cost.cumsum()
    returns = pd.Series(equity).pct_change().fillna(0.0)
    return pd.DataFrame(
        {
            "session_date": HOLDOUT,
            "cash_usd": 0.0,
            "position_usd": equity,
            "equity_usd": equity,
            "cost_usd": cost,
            "gross_exposure_frac": 1.9,
            "return_frac": returns,
            "drawdown_frac": equity / np.maximum.accumulate(equity) - 1,
            "index_return_frac": [np.nan, *rng.normal(0.0001, 0.011, len(HOLDOUT) - 1)],
        }
    )


def summary_frame() -> pd.DataFrame:
    """Return backtest.summary."""
    rows = [
        ("net_return_frac", 0.0342, np.nan, np.nan, 504, "after costs, over the fixed capital"),
        ("gross_return_frac", 0.0571, np.nan, np.nan, 1980, "before costs"),
        ("cost_frac", 0.0229, np.nan, np.nan, 1980, "spread, slippage, commission, borrow"),
        ("sharpe_net", 0.183, -1.624, 1.990, 504, "per year, net; block bootstrap"),
        ("dsr", 0.412, np.nan, np.nan, 504, "chance to beat the best of 120 trials"),
        ("max_drawdown_frac", -0.0831, np.nan, np.nan, 504, "deepest close below the peak"),
        ("hit_rate", 0.507, np.nan, np.nan, 1980, "trades with a profit after costs"),
        ("beta", np.nan, np.nan, np.nan, 0, "index missing"),
    ]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n", "note"])


def tear_sheet_frames(equity: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return backtest.evidence, .sensitivity, .drawdowns and .monthly of that book."""
    first, last = equity["session_date"].iloc[1], equity["session_date"].iloc[-1]
    trades = pd.DataFrame(
        {
            "entry_date": equity["session_date"].iloc[1:-1],
            "exit_date": equity["session_date"].iloc[2:].to_numpy(),
            "notional_usd": 50_000.0,
            "quantity": 1_000.0,
            "exit_price": 50.5,
        }
    )
    multiples = np.array([0.0, 0.5, 1.0, 2.0, 5.0])
    rows = [
        ("n_trials", 120.0, np.nan, np.nan, 120, pd.NaT, pd.NaT, "every trial of every block"),
        ("pbo", 0.41, 0.12, 0.70, 63, first, last, "of 27 complete trials"),
        ("spa_p_index", 0.62, 0.55, 0.71, 503, first, last, "none of 4 books"),
        ("capacity_usd", np.nan, np.nan, np.nan, 0, first, last, "not assessable: no volume"),
    ]
    names = ["metric", "value", "low", "high", "n", "first_date", "last_date", "note"]
    config = SimpleNamespace(capital_usd=1_000_000.0)
    return {
        "evidence": pd.DataFrame(rows, columns=names),
        "sensitivity": pd.DataFrame(
            {
                "cost_multiple": multiples,
                "cost_bps": 4.2 * multiples,
                "cost_frac": 0.023 * multiples,
                "net_return_frac": 0.057 - 0.023 * multiples,
                "sharpe_net": 0.3 - 0.12 * multiples,
                "sharpe_low": -1.5 - 0.12 * multiples,
                "sharpe_high": 2.1 - 0.12 * multiples,
                "n_sessions": 503,
                "first_date": first,
                "last_date": last,
            }
        ),
        "drawdowns": drawdown_table(equity),
        "monthly": monthly_table(equity, trades, config),
    }


def drift_frames(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return drift.features and drift.sessions, one feature not assessable."""
    psi = np.append(np.sort(rng.exponential(0.09, 79))[::-1], np.nan)
    threshold = np.full(80, 0.22)
    features = pd.DataFrame(
        {
            "feature": [f"volatility_{i}_sessions" for i in range(80)],
            "psi": psi,
            "ks": psi / 2,
            "threshold": threshold,
            "is_drifted": (psi > 0.25) & (psi > threshold),
            "n_reference": 62_000,
            "n_live": 400,
        }
    )
    share = np.clip(np.linspace(0.02, 0.16, 40) + 0.02 * rng.standard_normal(40), 0, 1)
    sessions = pd.DataFrame(
        {
            "session_date": SESSIONS[-40:],
            "share_drifted": share,
            "share_threshold": 0.12,
            "is_beyond": share > 0.12,
        }
    )
    return features, sessions


def selloffs_frame(rng: np.random.Generator) -> pd.DataFrame:
    """Return selloffs.events."""
    n = 420
    rung = rng.choice([0.02, 0.03, 0.05, 0.10], n, p=[0.6, 0.25, 0.12, 0.03])
    minute = rng.integers(0, 390, n)
    opened = pd.Timestamp("2023-12-28 14:30", tz="UTC")
    return pd.DataFrame(
        {
            "symbol": rng.choice([f"SIM{i:02d}" for i in range(12)], n),
            "session_date": pd.Timestamp("2023-12-28"),
            "rung": rung,
            "detected_at": opened + pd.to_timedelta(minute, unit="min"),
            "drop_frac": -rung * rng.uniform(1.0, 1.1, n),
        }
    )


def selloff_frames() -> dict[str, object]:
    """Return what a report shows of the worth of falls: scores, comparison, gallery, verdict."""
    config = shipped(SelloffsConfig, "selloffs")
    made = made_falls(90, 14, skill=0.6)
    scores = scored_falls(made, skill=0.6)
    sectors = pd.DataFrame(
        {
            "symbol": [f"S{i:02d}" for i in range(12)],
            "gics_sector": ["Energy", "<b>Utilities</b>"] * 6,
        }
    )
    offered = offered_falls(scores, made.events)
    dates = made.events["session_date"]
    backtest = compare_scanners(offered, made.outcomes, sectors, dates, config)
    equity = equity_by_session(offered, made.outcomes, config)
    trades = best_and_worst(made.events, made.outcomes, delay=1, n_each=3, among=offered)
    return {
        "selloff_verdict": edge_verdict(backtest, equity, 1500, config).words,
        "selloff_features": made.features,
        "selloff_scores": scores,
        "selloff_metrics": selloff_metrics_frame(),
        "selloff_criteria": verdict_frame().head(3).assign(verdict="rejected"),
        "selloff_backtest": backtest,
        "selloff_equity": equity,
        "selloff_offered": offered,
        "selloff_trades": trades,
        "selloff_minutes": minutes_of(trades),
    }


def minutes_of(trades: pd.DataFrame) -> pd.DataFrame:
    """Return a path of 390 minutes through open, low, entry and exit of each trade but the last."""
    parts = []
    for trade in trades.iloc[:-1].itertuples():
        opened = pd.Timestamp(trade.session_date).tz_localize("America/New_York")
        opens_at = pd.date_range(opened + pd.Timedelta(hours=9.5), periods=390, freq="min")
        known = [opens_at[0], trade.detected_at, trade.entry_at, trade.exit_at, opens_at[-1]]
        price = [trade.session_open, trade.low, trade.entry_price, *[trade.exit_price] * 2]
        at = [pd.Timestamp(instant).timestamp() for instant in known]
        close = np.interp([instant.timestamp() for instant in opens_at], at, price)
        wave = 1 + 0.001 * np.sin(np.arange(390) / 7)
        parts.append(
            pd.DataFrame(
                {
                    "symbol": trade.symbol,
                    "session_date": trade.session_date,
                    "opens_at": opens_at.tz_convert("UTC"),
                    "closes_at": (opens_at + pd.Timedelta(minutes=1)).tz_convert("UTC"),
                    "close": close * wave,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def selloff_metrics_frame() -> pd.DataFrame:
    """Return selloffs.metrics: three learners on both spans, and one regime too small."""
    frame = pd.DataFrame(
        [
            (learner, span, regime, n)
            for learner in ("model", "trivial", "majority")
            for span in ("oof", "holdout")
            for regime, n in (("all", 1200), ("crash", 12))
        ],
        columns=["learner", "span", "regime", "n_events"],
    )
    frame["n_sessions"] = frame["n_events"] // 6
    frame["n_study"] = 4000
    frame["is_assessable"] = frame["n_sessions"] >= 40
    frame["base_rate"], frame["ece"], frame["calibration_slope"] = 0.31, 0.02, 0.9
    for name, value in (("auc", 0.61), ("accuracy", 0.70)):
        frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = value, value - 0.03, value + 0.03
    frame.loc[frame["learner"] == "majority", ["auc_low", "auc_high", "calibration_slope"]] = np.nan
    return frame


def folds_frame() -> pd.DataFrame:
    """Return splits.folds, one row per session: four walk-forward folds before the hold-out."""
    last = len(SESSIONS) - len(HOLDOUT) - 20
    rows = []
    for fold in range(1, 5):
        test = np.arange(last * fold // 5, last * (fold + 1) // 5)
        train = np.arange(max(0, test[0] - 20 - 1260), test[0] - 20)
        rows += [(fold, SESSIONS[i], "test") for i in test]
        rows += [(fold, SESSIONS[i], "train") for i in train]
    return pd.DataFrame(rows, columns=["fold", "session_date", "role"])


def verdict_frame() -> pd.DataFrame:
    """Return gate.verdicts of a rejection."""
    frame = pd.DataFrame(
        CRITERIA, columns=["criterion", "value", "threshold", "is_passed", "detail"]
    )
    frame.insert(0, "position", range(len(frame)))
    return frame.astype({"value": "float64", "is_passed": "boolean"})


def full_payload() -> ReportPayload:
    """Return a payload that fills every section."""
    rng = np.random.default_rng(SEED)
    regimes = regimes_frame(rng)
    sizes = regimes["regime"].map({"crash": 0.022, "high_volatility": 0.014}).fillna(0.008)
    move = 0.0004 + sizes.to_numpy() * rng.standard_normal(len(SESSIONS))
    index_bars = pd.DataFrame({"session_date": SESSIONS, "close": 1130 * np.exp(move.cumsum())})
    columns = ["event", "first_date", "last_date", "regime", "weight"]
    events = pd.DataFrame(EVENTS, columns=columns).assign(n_sessions=60, n_symbols=20)
    events[columns[1:3]] = events[columns[1:3]].apply(pd.to_datetime)
    archive = events.loc[events.index.repeat([900, 800, 700, 400, 460, 1300, 5000, 800])]
    oof = pd.concat(
        [
            predictions(rng, SESSIONS[900 * b : 900 * b + 880], 8)
            .rename(columns={"probability": "oof_probability"})
            .assign(block=b, learner=name)
            for b in (2, 3, 4)
            for name in LEARNERS[:4]
        ]
    )
    drift_features, drift_sessions = drift_frames(rng)
    equity = equity_frame(rng)
    protocol = {
        "protocol_id": "p-7c21",
        "train_start": SESSIONS[0],
        "holdout_start": HOLDOUT[0],
        "holdout_end": HOLDOUT[-1],
    }
    families = ["returns", "volatility", "trend", "oscillators", "volume", "cross_section", "vix"]
    catalog = pd.DataFrame(
        {"feature": [f"f{i}" for i in range(96)], "family": rng.choice(families, 96)}
    )
    labels = predictions(rng, SESSIONS, 6).assign(label=lambda f: f["label"].astype("float64"))
    stages = ("bars", "regimes", "features", "sweeps", "ensemble", "backtest", "gate")
    return ReportPayload(
        run={
            "run_id": "3f1c2a7e-5d1b-4a39-9f2e-0c8f5e1b7a10",
            "source": "files",
            "profile": "full",
            "started": "2024-01-06T21:00:00-05:00",
            "as_of": "2023-12-29",
            "home": ".trading_pipeline",
            "config_version": "c4e1a90b77d2",
            "code_version": "98ab01fe33c4",
            "data_version": "5d10c7fe91aa",
            "model_version": "stack-2023-12-29-a1",
            "seeds": "sweeps 7, ensemble 7, gate 7",
            "commands": ("make run", "trading-pipeline run --source files --data market"),
        },
        reality=(
            "Daily prices are real closes of 20 stocks and the index, adjusted for splits.",
            "Minute bars are simulated (SIM01 to SIM12).",
            "Open, high, low and volume are missing in the daily source, so entries fall on the "
            "next close.",
        ),
        coverage=universe_frame(rng),
        quarantine=quarantine_frame(),
        index_bars=index_bars,
        regimes=regimes,
        events=events,
        archive=archive.rename(columns={"regime": "event_regime"}),
        catalog=catalog,
        selected=pd.DataFrame(
            {"block": 0, "feature": catalog["feature"], "is_selected": rng.random(96) < 0.7}
        ),
        labels=labels,
        folds=fold_blocks(folds_frame(), protocol),
        protocol=protocol,
        holdout_reads=pd.DataFrame(
            {
                "protocol_id": ["p-old", "p-7c21", "p-7c21"],
                "data_version": ["03bb12", "5d10c7fe91aa", "77aa01"],
                "recipe_id": ["r-0", "r-1", "r-2"],
                "run_id": ["run-0", "run-1", "run-2"],
                "read_at": pd.to_datetime(["2023-01-07", "2024-01-06", "2024-01-13"], utc=True),
            }
        ),
        trials=trials_frame(rng),
        oof=oof,
        holdout=holdout_frame(rng, regimes),
        scores=scores_frame(),
        validation=validation_frame(),
        effects=effects_frame(),
        explanations=explanations_frame(),
        equity=equity,
        **tear_sheet_frames(equity),
        summary=summary_frame(),
        trades=pd.DataFrame(
            {
                "side": ["long", "short"] * 50,
                "notional_usd": 5_000.0,
                "gross_pnl_usd": rng.normal(4, 120, 100),
                "cost_usd": 3.5,
                "net_pnl_usd": 0.5,
            }
        ),
        tracking=tracking_frame(),
        drift_features=drift_features,
        drift_sessions=drift_sessions,
        drift_predictions=drift_predictions_frame(),
        drift_regimes=drift_regimes_frame(),
        episodes=pd.DataFrame(
            {
                "opened_date": [pd.Timestamp("2023-12-20")],
                "last_date": [pd.Timestamp("2023-12-29")],
                "reason": ["features"],
                "share_drifted": [0.15],
                "state": ["open"],
                "model_version": ["stack-2023-11-24"],
            }
        ),
        selloffs=selloffs_frame(rng),
        **selloff_frames(),
        verdict="rejected",
        verdict_rows=verdict_frame(),
        stages=pd.DataFrame(
            {"stage": stages, "seconds": [4.1, 0.2, 21.0, 140.5, 61.0, 2.0, 0.1], "rows": 1000}
        ),
    )
