"""The archive remembers eight named crises, each row once and under its event's own regime."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.sql_files import read_sql
from trading_pipeline.contracts.data_config import MemoryConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.memory.catalogue import rare_event_table
from trading_pipeline_tests.domain.archive_reference import archive_rows
from trading_pipeline_tests.domain.settings_of import shipped

CATALOGUE = shipped(MemoryConfig, "memory")
DAYS = session_table()


def keys_between(first, last, symbols):
    """Return one label of every symbol on every session between two dates."""
    inside = DAYS[DAYS["session_date"].between(first, last)][["session_date", "session"]]
    return inside.merge(pd.DataFrame({"symbol": symbols}), how="cross")


def test_the_eight_spans_have_635_sessions():
    bars = keys_between("2004-01-02", "2023-12-29", ["AAA", "BBB"])
    events = rare_event_table(CATALOGUE, bars)
    assert len(events) == 8
    assert events["n_sessions"].sum() == 635
    assert events["n_symbols"].tolist() == [2] * 8
    assert events["weight"].sum() == pytest.approx(1.0)
    assert 635 * 53 == 33_655
    assert 635 * 76 == 48_260


def test_an_event_without_data_counts_nothing_and_stays_in_the_catalogue():
    bars = keys_between("2020-01-02", "2020-12-31", ["AAA"])
    events = rare_event_table(CATALOGUE, bars).set_index("event")
    assert len(events) == 8
    assert events.loc["covid_crash_2020", ["n_sessions", "n_symbols"]].tolist() == [23, 1]
    assert events.loc["financial_crisis_2008", ["n_sessions", "n_symbols"]].tolist() == [0, 0]


def test_the_archive_query_holds_every_label_inside_an_event_once_with_both_regimes():
    keys = keys_between("2020-02-18", "2020-03-26", ["BBB", "AAA"])
    labels = keys.assign(label=np.where(keys["session_date"] < "2020-03-01", 1.0, np.nan))
    regimes = keys[["session_date", "session"]].drop_duplicates().assign(regime="normal")
    features = keys.assign(known_at=keys["session_date"], return_1=0.5)
    provenance = dict.fromkeys(("run_id", "code_version", "data_version", "config_version"), "")
    events = rare_event_table(CATALOGUE, keys)
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("attach ':memory:' as archive; use archive; detach memory")
    tables = {
        "memory.rare_events": events,
        "labels.direction": labels,
        "regimes.market": regimes,
        "features.daily": features.assign(**provenance),
    }
    for name, frame in tables.items():
        connection.execute(f"create schema if not exists {name.split('.')[0]}")
        connection.register("incoming", frame)
        connection.execute(f"create table {name} as from incoming")
    found = connection.execute(read_sql("queries/memory/archive")).df()
    assert (found.pop("return_1") == 0.5).all()
    found = found.sort_values(["symbol", "session"], ignore_index=True)
    found["session_date"] = found["session_date"].astype("datetime64[ns]")
    assert len(found) == 2 * (23 + 3)
    pd.testing.assert_frame_equal(found, archive_rows(events, labels, regimes), check_dtype=False)
    assert set(found.loc[found["session_date"] <= "2020-03-23", "event"]) == {"covid_crash_2020"}
    after = found[found["session_date"] >= "2020-03-24"]
    assert set(after["event_regime"]) == {"recovery"}
    assert set(after["regime"]) == {"normal"}


def test_events_that_overlap_or_run_backwards_are_refused():
    first = CATALOGUE.events[0].model_dump()
    later = first | {"event": "later", "last_date": date(2009, 12, 31)}
    with pytest.raises(ValueError, match="overlap"):
        shipped(MemoryConfig, "memory", own_events=(later,))
    with pytest.raises(ValueError, match="before it begins"):
        shipped(MemoryConfig, "memory", events=(first | {"last_date": date(2001, 1, 1)},))


def test_events_of_ones_own_stand_in_the_catalogue_beside_the_shipped_ones():
    mine = {
        "event": "tariffs_2025",
        "first_date": date(2025, 4, 3),
        "last_date": date(2025, 4, 25),
        "regime": "crash",
        "weight": 0.1,
    }
    rules = shipped(MemoryConfig, "memory", own_events=(mine,))
    events = rare_event_table(rules, keys_between("2025-04-01", "2025-04-30", ["AAA"]))
    assert len(events) == 9
    assert events.iloc[-1][["event", "n_sessions"]].tolist() == ["tariffs_2025", 16]
