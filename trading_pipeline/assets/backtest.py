"""Backtest stage: profit after costs over the hold-out, and what it proves.

ensemble.holdout, bars.daily  ->  backtest.trades  ->  backtest.equity  ->  backtest.summary,
backtest.evidence, backtest.sensitivity, backtest.drawdowns, backtest.monthly
"""

import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.contracts.vocabulary import BASELINES
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.evidence import build_evidence, trial_sharpe_variance
from trading_pipeline.domain.backtest.overfitting import trial_returns_of
from trading_pipeline.domain.backtest.sensitivity import break_even_multiple, cost_sensitivity
from trading_pipeline.domain.backtest.summary import summarise
from trading_pipeline.domain.backtest.tear_sheet import capacity, drawdown_table, monthly_table
from trading_pipeline.domain.backtest.trades import build_trades
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.gate.gathering import CHAMPION
from trading_pipeline.resources import StageRun

PREDICTED = (
    "select symbol, session_date, session, probability from ensemble.holdout"
    " where learner = $learner"
)
INDEX_BARS = (
    "select daily.* from bars.daily as daily join bars.universe using (symbol) where is_index"
)


@table_asset(
    "backtest.trades",
    reads=("ensemble.holdout", "bars.daily", "bars.universe"),
    settings=("backtest",),
)
def trades(run: StageRun) -> TableResult:
    """The staggered book: what each cohort held, what it earned and what it cost."""
    book = build_trades(
        run.read(PREDICTED, learner=STACK),
        run.table("bars.daily"),
        run.table("bars.universe"),
        run.config.backtest,
    )
    return TableResult(
        book,
        {
            "side": run.config.backtest.side,
            "cohorts": int(book["cohort"].nunique()),
            "net profit USD": round(float(book["net_pnl_usd"].sum())),
            "costs USD": round(float(book["cost_usd"].sum())),
            "winners": round(float((book["net_pnl_usd"] > 0).mean()), 4) if len(book) else "none",
        },
    )


@table_asset(
    "backtest.equity",
    reads=("backtest.trades", "bars.daily", "bars.universe"),
    settings=("backtest",),
)
def equity(run: StageRun) -> TableResult:
    """Cash, positions and drawdown of the book at every close, beside the index."""
    curve = build_equity(
        run.table("backtest.trades"),
        run.table("bars.daily"),
        run.read(INDEX_BARS),
        run.config.backtest,
    )
    return TableResult(
        curve,
        {
            "worst drawdown": round(float(curve["drawdown_frac"].min()), 4) if len(curve) else 0,
            "mean gross exposure": round(float(curve["gross_exposure_frac"].mean()), 4)
            if len(curve)
            else 0,
            "plot": run.plot("equity", "equity net of costs against the index", equity=curve),
        },
    )


@table_asset(
    "backtest.summary",
    reads=("backtest.equity", "backtest.trades", "sweeps.trials"),
    settings=("backtest", "gate", "labels.horizon_sessions"),
)
def summary(run: StageRun) -> TableResult:
    """The figures of the book, each with n and an interval; DSR counts every trial."""
    gate = run.config.gate
    trials = run.table("sweeps.trials")
    n_trials = len(trials)
    figures = summarise(
        run.table("backtest.equity"),
        run.table("backtest.trades"),
        run.config.backtest,
        seed=gate.seed,
        n_trials=n_trials,
        bootstrap_samples=gate.bootstrap_samples,
        interval_sd=gate.interval_sd,
        trial_variance=trial_sharpe_variance(
            trial_returns_of(trials), run.config.labels.horizon_sessions, gate.min_horizons
        ),
    )
    shown = figures.set_index("metric")["value"].dropna().round(4)
    names = ("net_return_frac", "sharpe_net", "dsr", "max_drawdown_frac", "cost_frac")
    return TableResult(
        figures,
        {
            "trials counted": n_trials,
            **{name: float(shown[name]) for name in names if name in shown},
        },
    )


@table_asset(
    "backtest.evidence",
    reads=(
        "backtest.equity",
        "backtest.trades",
        "ensemble.holdout",
        "bars.daily",
        "bars.universe",
        "sweeps.trials",
    ),
    settings=("backtest", "gate", "labels.horizon_sessions"),
)
def evidence(run: StageRun) -> TableResult:
    """What the figures prove after all the trying: overfitting, track record, SPA, capacity."""
    config, bars = run.config.backtest, run.table("bars.daily")
    universe, index_bars = run.table("bars.universe"), run.read(INDEX_BARS)
    own, trials = run.table("backtest.equity"), run.table("sweeps.trials")
    learners = run.read("select distinct learner from ensemble.holdout order by learner")["learner"]
    curves: dict[str, pd.DataFrame] = {STACK: own}
    others = [name for name in learners if name not in (STACK, *BASELINES)]
    for number, learner in enumerate(others, start=1):
        book = build_trades(run.read(PREDICTED, learner=learner), bars, universe, config)
        curves[learner] = build_equity(book, bars, index_bars, config)
        run.advance(number, len(others), "books kept beside the stack's")
    table = build_evidence(
        equity=own,
        champion=curves.pop(CHAMPION, None),
        books=curves,
        trials=trials,
        blocks=trial_returns_of(trials),
        carried=capacity(run.table("backtest.trades"), bars, config),
        config=config,
        gate=run.config.gate,
        horizon_sessions=run.config.labels.horizon_sessions,
    )
    values = table.set_index("metric")["value"]
    return TableResult(
        table,
        {
            str(name): round(float(value), 4) if value == value else "not assessable"
            for name, value in values.items()
        },
    )


@table_asset(
    "backtest.sensitivity",
    reads=("backtest.equity", "backtest.trades"),
    settings=("backtest", "gate"),
)
def sensitivity(run: StageRun) -> TableResult:
    """Return and Sharpe of the book at multiples of all its costs."""
    config, gate, curve = run.config.backtest, run.config.gate, run.table("backtest.equity")
    table = cost_sensitivity(
        curve,
        run.table("backtest.trades"),
        config,
        multiples=config.cost_multiples,
        seed=gate.seed,
        bootstrap_samples=gate.bootstrap_samples,
        interval_sd=gate.interval_sd,
    )
    even = break_even_multiple(curve, config)
    return TableResult(
        table,
        {
            "nothing left at costs times": round(even, 3) if even == even else "not assessable",
            "plot": run.plot("cost_sensitivity", "the book at other costs", sensitivity=table),
        },
    )


@table_asset("backtest.drawdowns", reads=("backtest.equity",))
def drawdowns(run: StageRun) -> TableResult:
    """Every fall of the book below a peak: how deep, how long, recovered or not."""
    curve = run.table("backtest.equity")
    table = drawdown_table(curve)
    return TableResult(
        table,
        {
            "falls": len(table),
            "deepest": round(float(table["depth_frac"].min()), 4) if len(table) else "none",
            "longest, sessions": int(table["n_sessions"].max()) if len(table) else "none",
            "still open": int(table["recovered_date"].isna().sum()),
            "plot": run.plot("drawdowns", "the deepest falls of the book", drawdowns=table),
        },
    )


@table_asset(
    "backtest.monthly", reads=("backtest.equity", "backtest.trades"), settings=("backtest",)
)
def monthly(run: StageRun) -> TableResult:
    """What each month earned, held and traded."""
    table = monthly_table(
        run.table("backtest.equity"), run.table("backtest.trades"), run.config.backtest
    )
    return TableResult(
        table,
        {
            "months": len(table),
            "months with a profit": int((table["net_return_frac"] > 0).sum()),
            "plot": run.plot("monthly_returns", "net return by month", monthly=table),
        },
    )
