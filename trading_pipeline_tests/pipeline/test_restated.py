"""A split that is announced late: what depends on the daily bars is computed again, no more."""

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.definitions import build_definitions
from trading_pipeline.domain.bars.adjusted import adjusted_as_of
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.settings import load_settings

SETTINGS = """
[source]
kind = "files"
data = "{data}"

[tracking]
enabled = false

[runtime]
threads = 1
memory_gb = 1.0
"""
EX_DATE = pd.Timestamp("2020-03-16")
TOLD = pd.Timestamp("2020-03-20 13:00", tz="UTC")
DEPENDS_ON_DAILY = {
    "bars.daily", "bars.universe", "bars.volume_breaks", "bars.spreads", "regimes.market",
}  # fmt: skip


TABLES = DEPENDS_ON_DAILY | {
    "bars.minute", "bars.quotes", "bars.vix", "bars.corporate_actions", "bars.quarantine",
    "bars.coverage",
}  # fmt: skip


def sessions():
    table = session_table()
    return table[table["session_date"].between("2020-01-02", "2020-06-30")]


def write_market(folder):
    """Write raw daily bars of four symbols, one of which splits 2 for 1, and a little VIX."""
    random = np.random.default_rng(5)
    dates = sessions()["session_date"]
    parts = []
    for number in range(4):
        close = 80 * np.exp(np.cumsum(random.normal(0, 0.01, len(dates))))
        if number == 1:
            close = np.where(dates >= EX_DATE, close / 2, close)
        frame = {"symbol": f"S{number}", "ts": dates, "open": close, "close": close}
        frame |= {"high": close * 1.01, "low": close * 0.99, "volume": 1e5}
        parts.append(pd.DataFrame(frame))
    (folder / "daily").mkdir(parents=True)
    pd.concat(parts).to_csv(folder / "daily" / "bars.csv", index=False)
    vix = pd.DataFrame({"ts": dates, "open": 20.0, "high": 21.0, "low": 19.0, "close": 20.0})
    vix.to_csv(folder / "vix.csv", index=False)
    (folder / "market.toml").write_text(
        'index_symbol = "S0"\n[files."daily/bars.csv"]\nvendor = "made"\nprices = "raw"\n'
    )
    write_actions(folder, [])


def write_actions(folder, splits):
    columns = ["symbol", "ex_date", "action", "ratio", "amount_usd", "known_at"]
    dividend = ("S2", "2020-02-10", "dividend", None, 0.5, "2020-02-03 13:00")
    table = pd.DataFrame([dividend, *splits], columns=columns)
    table.to_csv(folder / "corporate_actions.csv", index=False)


def materialize(home, settings, instance):
    """Run `TABLES` as one job; return the tables that were written."""
    stored = ConfigStore(home).save(load_settings(config_file=settings))
    definitions = build_definitions(home)
    known = ledger(home)
    job = dg.define_asset_job("bars", dg.AssetSelection.assets(*[n.split(".") for n in TABLES]))
    whole = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
    resource = {"home": str(home), "config_version": stored.version}
    result = whole.resolve_job_def("bars").execute_in_process(
        run_config={
            "resources": {"pipeline": {"config": resource}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        instance=instance,
    )
    assert result.success
    return {name for name, written in ledger(home).items() if known.get(name) != written}


def ledger(home):
    """Return what last wrote each table."""
    warehouse = Warehouse(home, threads=1, memory_gb=1.0)
    if not warehouse.path.exists():
        return {}
    return warehouse.materializations()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return (home, tables computed by: a first run, an unchanged one, one after the late split,
    and the daily bars before and after the split)."""
    folder = tmp_path_factory.mktemp("restated")
    data, home, settings = folder / "data", folder / "home", folder / "settings.toml"
    write_market(data)
    settings.write_text(SETTINGS.format(data=data))
    warehouse = Warehouse(home, threads=1, memory_gb=1.0)
    with dg.DagsterInstance.ephemeral() as instance:
        first = materialize(home, settings, instance)
        again = materialize(home, settings, instance)
        before = warehouse.read("from bars.daily")
        split = ("S1", str(EX_DATE.date()), "split", 2.0, None, str(TOLD.tz_localize(None)))
        write_actions(data, [split])
        late = materialize(home, settings, instance)
    return {
        "first": first, "again": again, "late": late, "before": before,
        "after": warehouse.read("from bars.daily"),
        "actions": warehouse.read("from bars.corporate_actions"),
    }  # fmt: skip


def test_an_unchanged_folder_computes_nothing(runs):
    assert runs["first"] >= DEPENDS_ON_DAILY
    assert runs["again"] == set()


def test_a_late_split_makes_the_bars_and_what_reads_them_stale(runs):
    assert runs["late"] >= DEPENDS_ON_DAILY | {"bars.corporate_actions"}


def test_a_late_split_leaves_the_delivered_prices_as_they_were(runs):
    columns = ["symbol", "session_date", "open", "high", "low", "close", "volume"]
    pd.testing.assert_frame_equal(runs["before"][columns], runs["after"][columns])


def test_before_the_split_was_told_the_view_is_what_the_bars_were(runs):
    view = adjusted_as_of(runs["after"], runs["actions"], TOLD - pd.Timedelta("1s"))
    then = runs["before"][runs["before"]["known_at"] < TOLD]
    then = then.sort_values(["symbol", "session_date"], ignore_index=True)
    np.testing.assert_allclose(view["adj_factor"], then["adj_factor"], rtol=1e-12)


def test_once_told_the_view_is_what_the_bars_are(runs):
    view = adjusted_as_of(runs["after"], runs["actions"], pd.Timestamp("2021-01-01", tz="UTC"))
    now = runs["after"].sort_values(["symbol", "session_date"], ignore_index=True)
    np.testing.assert_array_equal(view["adj_factor"], now["adj_factor"])
    returns = view[view["symbol"] == "S1"]["adj_close"].pct_change().abs()
    assert returns.max() < 0.1
