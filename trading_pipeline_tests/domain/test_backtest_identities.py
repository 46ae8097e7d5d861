"""What must hold of any book, on random markets with gaps, splits, delistings and seams."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.trades import build_trades

COSTLY = BacktestConfig(
    side="long_short",
    quantile_frac=0.2,
    hold_sessions=5,
    hold_band_frac=0,
    capital_usd=100_000,
    commission_per_share_usd=0.005,
    commission_min_usd=1,
    commission_bps=0.5,
    half_spread_bps=2,
    slippage_bps=1,
    impact_bps=10,
    borrow_bps_per_year=50,
    max_volume_frac=0.05,
    cost_multiples=(0, 1, 2),
    sizing="equal",
    sizing_sessions=30,
    kelly_frac=0.5,
    max_name_multiple=3,
)
COSTS = (
    "commission_per_share_usd",
    "commission_min_usd",
    "commission_bps",
    "half_spread_bps",
    "slippage_bps",
    "impact_bps",
    "borrow_bps_per_year",
)
# The portfolio's solver is too slow for hundreds of markets; it has its own tests.
SIZINGS = ("equal", "volatility", "kelly")
FREE = COSTLY.model_copy(update=dict.fromkeys(COSTS, 0.0))


def market(seed, n_sessions=40, n_symbols=10, ragged=True):
    """Return (predictions, bars, universe) of a random walk, ragged in every way bars can be."""
    random = np.random.default_rng(seed)
    shape = n_sessions, n_symbols
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, shape), axis=0))
    columns = {
        "symbol": np.tile(
            np.array([f"S{i:02d}" for i in range(n_symbols)], dtype=object), shape[0]
        ),
        "session": np.repeat(np.arange(n_sessions), n_symbols) + 7000,
        "session_date": np.repeat(pd.bdate_range("2020-01-01", periods=n_sessions), n_symbols),
        "open": (close * np.exp(random.normal(0, 0.01, shape))).ravel(),
        "close": close.ravel(),
        "volume": random.integers(100, 100_000, shape).astype(float).ravel(),
        "adj_factor": 1.0,
        "prices": "raw",
        "has_vendor_seam": False,
    }
    bars = pd.DataFrame(columns)
    if ragged:
        steps = np.where(random.random(shape) < 0.02, 0.5, 1.0)
        bars["adj_factor"] = np.cumprod(steps, axis=0)[::-1].ravel()
        bars.loc[random.random(len(bars)) < 0.1, "volume"] = np.nan
        bars.loc[random.random(len(bars)) < 0.05, "open"] = np.nan
        bars["has_vendor_seam"] = random.random(len(bars)) < 0.01
        bars["prices"] = np.where(bars["symbol"] < "S05", "raw", "total")
        bars = bars[random.random(len(bars)) > 0.03]
        bars = bars[(bars["symbol"] != "S03") | (bars["session"] < 7000 + n_sessions // 2)]
    predictions = bars.loc[
        bars["session"] < 7000 + n_sessions - 3, ["symbol", "session_date", "session"]
    ].reset_index(drop=True)
    predictions["probability"] = random.random(len(predictions))
    universe = pd.DataFrame({"symbol": bars["symbol"].unique(), "kind": "equity"})
    return predictions, bars, universe


def index_of(bars):
    """Return the first symbol's bars, in the place of an index."""
    return bars[bars["symbol"] == "S00"]


def ledger(predictions, bars, config):
    """Return equity by session of the same book, kept order by order in plain Python."""
    by_key = {(bar.session, bar.symbol): bar for bar in bars.itertuples()}
    sessions = sorted(set(bars["session"]))
    cash, positions, marks, history = config.capital_usd, [], {}, {}
    stake = config.capital_usd / config.hold_sessions / 2

    def cost(shares, price, bar):
        share = config.max_volume_frac
        if bar.volume == bar.volume:
            share = min(shares / bar.volume, 1)
        bps = config.half_spread_bps + config.slippage_bps + config.impact_bps * share**0.5
        fee = shares * price * config.commission_bps / 1e4
        if bar.prices == "raw":
            fee = max(config.commission_min_usd, config.commission_per_share_usd * shares)
        return shares * price * bps / 1e4 + fee

    def fits(shares, bar):
        return not shares > config.max_volume_frac * bar.volume

    def ends_here(symbol, session):
        later = [s for s in sessions if s > session and (s, symbol) in by_key]
        return not later or by_key[later[0], symbol].has_vendor_seam

    orders = []
    for session in sessions:
        for decided, symbol, target in orders:
            bar = by_key.get((session, symbol))
            if bar is None:
                continue
            price = bar.open if bar.open == bar.open else bar.close
            shares = abs(target) / price
            if not fits(shares, bar):
                shares = config.max_volume_frac * bar.volume
            signed = shares if target > 0 else -shares
            cash -= signed * price + cost(shares, price, bar)
            units = signed / bar.adj_factor
            positions.append([symbol, units, shares * price, decided + config.hold_sessions])
        for symbol in {row.symbol for row in by_key.values()}:
            if (session, symbol) in by_key:
                bar = by_key[session, symbol]
                marks[symbol] = bar.close * bar.adj_factor
        open_after = []
        for symbol, units, notional, due in positions:
            if units < 0:
                cash -= notional * config.borrow_bps_per_year / 1e4 / 252
            bar = by_key.get((session, symbol))
            shares = abs(units) * bar.adj_factor if bar else 0
            if bar and ((session >= due and fits(shares, bar)) or ends_here(symbol, session)):
                cash += units * marks[symbol] - cost(shares, bar.close, bar)
            else:
                open_after.append([symbol, units, notional, due])
        positions = open_after
        history[session] = cash + sum(units * marks[symbol] for symbol, units, _, _ in positions)
        said = predictions[predictions["session"] == session]
        ranked = sorted(zip(-said["probability"], said["symbol"], strict=True))
        taken = max(1, int(config.quantile_frac * len(ranked) + 1e-9))
        orders = []
        if len(ranked) > 1 and ranked[0][0] < ranked[-1][0]:
            orders = [(session, symbol, stake / taken) for _, symbol in ranked[:taken]]
            orders += [(session, symbol, -stake / taken) for _, symbol in ranked[-taken:]]
    return history


@pytest.mark.parametrize("seed", range(6))
def test_an_independent_ledger_agrees(seed):
    predictions, bars, universe = market(seed)
    trades = build_trades(predictions, bars, universe, COSTLY)
    equity = build_equity(trades, bars, index_of(bars), COSTLY)
    session_of = bars.drop_duplicates("session").set_index("session_date")["session"]
    kept = ledger(predictions, bars, COSTLY)
    expected = [kept[session_of[date]] for date in equity["session_date"]]
    np.testing.assert_allclose(equity["equity_usd"], expected, rtol=1e-6)


def test_the_random_markets_end_positions_in_every_way():
    endings = {
        reason for seed in range(6) for reason in build_trades(*market(seed), COSTLY)["exit_reason"]
    }
    assert endings == {"horizon", "delisted", "vendor_seam", "end_of_data"}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    long_only=st.booleans(),
    hold=st.integers(1, 12),
    sizing=st.sampled_from(SIZINGS),
)
def test_equity_is_cash_plus_positions_and_trades_explain_all_of_its_change(
    seed, long_only, hold, sizing
):
    side = "long_only" if long_only else "long_short"
    config = COSTLY.model_copy(update={"side": side, "hold_sessions": hold, "sizing": sizing})
    predictions, bars, universe = market(seed)
    trades = build_trades(predictions, bars, universe, config)
    assume(len(trades))
    equity = build_equity(trades, bars, index_of(bars), config)
    total = equity["cash_usd"] + equity["position_usd"]
    np.testing.assert_allclose(equity["equity_usd"], total, rtol=1e-9)
    change = equity["equity_usd"].iloc[-1] - config.capital_usd
    assert change == pytest.approx(trades["net_pnl_usd"].sum(), abs=1e-9 * config.capital_usd)
    assert equity["cost_usd"].sum() == pytest.approx(trades["cost_usd"].sum(), rel=1e-9)
    assert equity["equity_usd"].iloc[0] == config.capital_usd
    assert equity["position_usd"].iloc[-1] == 0
    assert (trades["entry_date"] > trades["decided_date"]).all()
    entry_volume = trades.merge(
        bars, left_on=["symbol", "entry_date"], right_on=["symbol", "session_date"]
    )["volume"]
    filled = trades["quantity"].abs().to_numpy() / entry_volume.to_numpy()
    assert not (filled > config.max_volume_frac * (1 + 1e-12)).any()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cost=st.sampled_from(COSTS),
    more=st.floats(0.1, 50),
    sizing=st.sampled_from(SIZINGS),
)
def test_net_profit_never_rises_with_a_cost(seed, cost, more, sizing):
    market_now = market(seed)
    plain = COSTLY.model_copy(update={"sizing": sizing})
    dearer = plain.model_copy(update={cost: getattr(COSTLY, cost) + more})
    net, less = (build_trades(*market_now, config)["net_pnl_usd"] for config in (plain, dearer))
    assert (less <= net + 1e-9).all()


@pytest.mark.parametrize("sizing", SIZINGS)
@pytest.mark.parametrize("cost", [name for name in COSTS if name.endswith(("bps", "per_year"))])
def test_net_profit_is_linear_in_basis_points(cost, sizing):
    market_now = market(3)
    free = FREE.model_copy(update={"sizing": sizing})
    at = [
        build_trades(*market_now, free.model_copy(update={cost: bps}))["net_pnl_usd"].sum()
        for bps in (0.0, 7.0, 14.0, 70.0)
    ]
    assert at[1] < at[0]
    assert at[2] - at[0] == pytest.approx(2 * (at[1] - at[0]))
    assert at[3] - at[0] == pytest.approx(10 * (at[1] - at[0]))


def test_random_signals_earn_minus_their_costs():
    predictions, bars, universe = market(11, n_sessions=30, ragged=False)
    config = COSTLY.model_copy(update={"max_volume_frac": 1.0})
    results = []
    for seed in range(200):
        chance = np.random.default_rng(seed).random(len(predictions))
        trades = build_trades(predictions.assign(probability=chance), bars, universe, config)
        results.append((trades["net_pnl_usd"].sum(), trades["cost_usd"].sum()))
    net, cost = np.array(results).T
    error = net.std(ddof=1) / np.sqrt(net.size)
    assert abs(net.mean() + cost.mean()) < 2 * error
    assert cost.mean() > 0


@pytest.mark.parametrize("sizing", SIZINGS)
def test_adjusting_prices_for_a_split_changes_no_profit(sizing):
    predictions, bars, universe = market(5, ragged=False)
    free = FREE.model_copy(update={"max_volume_frac": 1.0, "sizing": sizing})
    late = bars["session"] >= 7020
    split = bars.assign(adj_factor=np.where(late, 1.0, 0.25))
    for name in ("open", "close"):
        split[name] = np.where(late, bars[name], bars[name] * 4)
    plain, raw = (
        build_trades(predictions, frame, universe, free)["gross_pnl_usd"] for frame in (bars, split)
    )
    np.testing.assert_allclose(raw, plain, atol=1e-9)


@pytest.mark.parametrize("sizing", SIZINGS)
def test_the_order_of_rows_changes_no_bit(sizing):
    predictions, bars, universe = market(2)
    shuffled = bars.sample(frac=1, random_state=1)
    config = COSTLY.model_copy(update={"sizing": sizing})
    trades = build_trades(predictions, bars, universe, config)
    again = build_trades(predictions.sample(frac=1, random_state=2), shuffled, universe, config)
    pd.testing.assert_frame_equal(trades, again, check_exact=True)
    pd.testing.assert_frame_equal(
        build_equity(trades, bars, index_of(bars), COSTLY),
        build_equity(trades.iloc[::-1], shuffled, index_of(shuffled), COSTLY),
        check_exact=True,
    )


@pytest.mark.parametrize("sizing", SIZINGS)
def test_bars_after_the_exit_change_no_closed_trade(sizing):
    predictions, bars, universe = market(4)
    early = predictions[predictions["session"] < 7027]
    cut = bars[bars["session"] < 7036]
    config = COSTLY.model_copy(update={"sizing": sizing})
    full, short = (build_trades(early, frame, universe, config) for frame in (bars, cut))
    closed = full["exit_date"] < cut["session_date"].max()
    before = short["exit_date"] < cut["session_date"].max()
    pd.testing.assert_frame_equal(
        full[closed].reset_index(drop=True), short[before].reset_index(drop=True)
    )
