"""The archive remembers eight named crises, each row once and under its event's own regime."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import MemoryConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.memory.catalogue import archive_rows, rare_event_table
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


def test_the_archive_holds_every_label_inside_an_event_once_with_both_regimes():
    keys = keys_between("2020-02-18", "2020-03-26", ["BBB", "AAA"])
    labels = keys.assign(label=np.where(keys["session_date"] < "2020-03-01", 1.0, np.nan))
    regimes = pd.DataFrame({"session": keys["session"].unique()[:-1], "regime": "normal"})
    archive = archive_rows(rare_event_table(CATALOGUE, keys), labels, regimes)
    assert len(archive) == 2 * (23 + 3)
    assert not archive.duplicated(["symbol", "session_date"]).any()
    assert archive["symbol"].is_monotonic_increasing
    crash = archive[archive["session_date"] <= "2020-03-23"]
    assert set(crash["event"]) == {"covid_crash_2020"}
    assert set(crash["event_regime"]) == {"crash"}
    assert archive["session_date"].min() == pd.Timestamp("2020-02-20")
    after = archive[archive["session_date"] == "2020-03-24"]
    assert set(after["event"]) == {"covid_recovery_2020"}
    assert set(after["event_regime"]) == {"recovery"}
    assert set(after["regime"]) == {"normal"}
    last = archive[archive["session_date"] == "2020-03-26"]
    assert set(last["regime"]) == {"unknown"}
    assert archive["label"].isna().sum() == 2 * 19
    shuffled = archive_rows(
        rare_event_table(CATALOGUE, keys).iloc[::-1], labels.sample(frac=1, random_state=1), regimes
    )
    pd.testing.assert_frame_equal(archive, shuffled)


def test_without_labels_inside_an_event_the_archive_is_empty():
    keys = keys_between("2019-01-02", "2019-02-01", ["AAA"])
    labels = keys.assign(label=1.0)
    regimes = pd.DataFrame({"session": [], "regime": []})
    assert archive_rows(rare_event_table(CATALOGUE, keys), labels, regimes).empty


def test_events_that_overlap_or_run_backwards_are_refused():
    first = CATALOGUE.events[0].model_dump()
    with pytest.raises(ValueError, match="overlap"):
        MemoryConfig(
            catalogue_version="1", events=(first, first | {"last_date": date(2009, 12, 31)})
        )
    with pytest.raises(ValueError, match="before it begins"):
        MemoryConfig(catalogue_version="1", events=(first | {"last_date": date(2001, 1, 1)},))
