"""Backtest stage: profit after costs over the hold-out.

ensemble.holdout, bars.daily  ->  backtest.trades  ->  backtest.equity  ->  backtest.summary
"""

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.summary import summarise
from trading_pipeline.domain.backtest.trades import build_trades
from trading_pipeline.resources import StageRun


@table_asset(
    "backtest.trades",
    reads=("ensemble.holdout", "bars.daily", "bars.universe"),
    settings=("backtest",),
)
def trades(run: StageRun) -> TableResult:
    """The staggered book: what each cohort held, what it earned and what it cost."""
    predictions = run.read(
        "select symbol, session_date, session, probability from ensemble.holdout"
        " where learner = 'stack'"
    )
    book = build_trades(
        predictions, run.table("bars.daily"), run.table("bars.universe"), run.config.backtest
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
    index_bars = run.read(
        "select daily.* from bars.daily as daily join bars.universe using (symbol) where is_index"
    )
    curve = build_equity(
        run.table("backtest.trades"), run.table("bars.daily"), index_bars, run.config.backtest
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
    settings=("backtest", "gate"),
)
def summary(run: StageRun) -> TableResult:
    """The figures of the book, each with n and an interval; DSR counts every trial."""
    gate = run.config.gate
    n_trials = int(run.read("select count(*) as n from sweeps.trials")["n"].iloc[0])
    figures = summarise(
        run.table("backtest.equity"),
        run.table("backtest.trades"),
        run.config.backtest,
        seed=gate.seed,
        n_trials=n_trials,
        bootstrap_samples=gate.bootstrap_samples,
        interval_sd=gate.interval_sd,
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
