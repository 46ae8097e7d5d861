"""Every check passes on a sound market and catches the fault it is named for."""

import re
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import LabelsConfig, SamplingConfig, SplitsConfig
from trading_pipeline.contracts.data_config import MemoryConfig, RegimesConfig
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.bars.sessions import VIX_TIME, at_new_york, session_table
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.domain.memory.catalogue import rare_event_table
from trading_pipeline.domain.memory.proposals import propose_events
from trading_pipeline.domain.memory.replay import prediction_errors, replay_buffer
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline.domain.splits.folds import fold_table
from trading_pipeline.domain.splits.protocol import make_protocol, ordinal
from trading_pipeline.domain.splits.training import holdout_table
from trading_pipeline_tests.domain.archive_reference import archive_rows
from trading_pipeline_tests.domain.settings_of import shipped

SQL = Path(__file__).resolve().parents[2] / "sql"
STAGES = ("bars", "regimes", "memory", "labels", "splits")
EMBARGO = 5


def asset_of(check):
    """Return the asset a check's header names."""
    return re.search(r"^-- asset +(\w+\.\w+)$", check.read_text(), re.MULTILINE)[1]


CHECKS = {
    check.stem: check
    for check in sorted((SQL / "checks").glob("*.sql"))
    if asset_of(check).split(".")[0] in STAGES
}

SOME_MINUTE = """
    insert into bars.minute select
        'S0', date '2020-02-03', timestamptz '2020-02-03 14:30Z', timestamptz '2020-02-03 14:31Z',
        10, 12, 9, 11, 100, true, 'made', timestamptz '2020-02-03 14:31Z', '', '', '', ''
"""
SOME_INTRADAY = """
    insert into bars.intraday select
        5, 'S0', date '2020-02-03', timestamptz '2020-02-03 14:30Z',
        timestamptz '2020-02-03 14:35Z', 10, 12, 9, 11, 100, 5,
        timestamptz '2020-02-03 14:35Z', '', '', '', ''
"""
SOME_MACRO = """
    insert into bars.macro select
        'DGS10', date '2020-02-03', 1.5, timestamptz '2020-02-04 13:00Z', '', '', '', ''
"""
SOME_REQUESTS = """
    insert into bars.requests select
        page, 'made', 'minute', 'S0,S1', date '2020-02-03', date '2020-02-28', page, '/v2/bars',
        200, repeat('0a', 32), 100, 10, page = 1, timestamptz '2020-03-04 13:00Z', '', '', '', ''
    from range(2) as pages (page)
"""
SOME_EVENTS = (
    """
    insert into bars.news select
        'n1', symbol, timestamptz '2020-02-03 14:00Z', 'S0 wins', null, 'wire', 'made', 0.5,
        'given', timestamptz '2020-02-03 14:01Z', '', '', '', ''
    from (values ('S0'), (null)) as items (symbol)
    """,
    """
    insert into bars.social select
        'p1', 'S0', timestamptz '2020-02-03 14:00Z', 'made', 3, null, null, null,
        timestamptz '2020-02-03 14:01Z', '', '', '', ''
    """,
    """
    insert into bars.options_flow select
        'S0', date '2020-02-03', 10, 20, 300, 100, 0.5, timestamptz '2020-02-03 23:00Z',
        '', '', '', ''
    """,
    """
    insert into bars.etf_flows select
        'SPY', date '2020-02-03', -1e6, timestamptz '2020-02-03 23:00Z', '', '', '', ''
    """,
    """
    insert into bars.calendar_events select
        id, kind, symbol, timestamptz '2020-02-04 19:00Z', timestamptz '2020-01-02 14:00Z',
        '', '', '', ''
    from (values ('e1', 'fomc', null), ('e2', 'earnings', 'S0')) as events (id, kind, symbol)
    """,
)
SOME_COVERAGE = """
    insert into bars.coverage select
        'S0', date '2020-02-03', 390, 1, 389, 389, 0, '', '', '', ''
"""
SOME_VOLUME_BREAK = """
    insert into bars.volume_breaks select
        'S0', date '2020-02-03', 'made', 100, 2000, 20, null, 6, 5, 'vendor_wide',
        timestamptz '2020-02-07 21:00Z', '', '', '', ''
"""
SOME_REVISION = """
    insert into bars.revisions select
        'S0', 1, date '2020-02-03', timestamptz '2020-02-03 14:30Z', 1,
        10, 12, 9, 11, null, 10, 12, 9, 11, 100,
        timestamptz '2020-02-04 01:00Z', timestamptz '2020-02-05 01:00Z',
        timestamptz '2020-02-03 14:31Z', timestamptz '2020-02-05 01:00Z', '', '', '', ''
"""
SOME_SPREAD = """
    insert into bars.spreads select
        'S0', 30, 30, 1.5, 2.5, 60, 2, 'quotes', timestamptz '2020-02-03 21:00Z', '', '', '', ''
"""
TWICE = "insert into {0} select * from {0} limit 1"

# One way to break each rule; a check without an entry here fails the test below.
FAULTS = {
    "bars_daily_grain_is_unique": [TWICE.format("bars.daily")],
    "bars_daily_prices_are_possible": [
        "update bars.daily set high = low - 1 where symbol = 'S0'",
        "update bars.daily set open = high * 1.01 where symbol = 'S0'",
        "update bars.daily set close = low * 0.99 where symbol = 'S0'",
        "update bars.daily set close = 'nan' where symbol = 'S0'",
        "update bars.daily set volume = -1 where symbol = 'S0'",
        "update bars.daily set adj_factor = 0 where symbol = 'S0'",
    ],
    "bars_daily_sessions_are_ordinals": [
        "update bars.daily set session = session + 1 where symbol = 'S0'",
    ],
    "bars_daily_are_not_known_before_the_close": [
        "update bars.daily set known_at = known_at - interval 5 hours where symbol = 'S0'",
    ],
    "bars_daily_rows_have_provenance": ["update bars.daily set run_id = null where symbol = 'S0'"],
    "bars_minute_grain_is_unique": [TWICE.format("bars.minute")],
    "bars_minute_are_possible": [
        "update bars.minute set high = 10.5",
        "update bars.minute set known_at = opens_at",
        "update bars.minute set closes_at = opens_at",
    ],
    "bars_intraday_grain_is_unique": [TWICE.format("bars.intraday")],
    "bars_intraday_are_possible": [
        "update bars.intraday set low = 10.5",
        "update bars.intraday set known_at = opens_at",
    ],
    "bars_vix_grain_is_unique": [TWICE.format("bars.vix")],
    "bars_vix_is_possible": [
        "update bars.vix set close = -1",
        "update bars.vix set known_at = known_at - interval 1 minute",
    ],
    "bars_macro_grain_is_unique": [TWICE.format("bars.macro")],
    "bars_macro_is_not_known_before_its_period": [
        "update bars.macro set known_at = timestamptz '2020-02-02 13:00Z'",
    ],
    "bars_requests_grain_is_unique": [TWICE.format("bars.requests")],
    "bars_requests_rows_have_provenance": ["update bars.requests set run_id = null"],
    "bars_requests_are_possible": [
        "update bars.requests set end_date = start_date - 1",
        "update bars.requests set status = 404",
        "update bars.requests set sha256 = 'abc'",
        "update bars.requests set n_rows = -1",
        "update bars.requests set n_bytes = -1",
        "update bars.requests set page = -1",
    ],
    "bars_requests_pages_follow_each_other": [
        "delete from bars.requests where page = 0",
        "update bars.requests set is_last = true",
        "update bars.requests set page = 2 where page = 1",
    ],
    "bars_news_grain_is_unique": [TWICE.format("bars.news")],
    "bars_news_are_possible": [
        "update bars.news set known_at = published_at - interval 1 second",
        "update bars.news set sentiment = -1.01",
        "update bars.news set sentiment_model = ' '",
    ],
    "bars_social_grain_is_unique": [TWICE.format("bars.social")],
    "bars_social_are_possible": [
        "update bars.social set known_at = posted_at - interval 1 second",
        "update bars.social set n_posts = 0",
        "update bars.social set sentiment = 2, sentiment_model = 'given'",
        "update bars.social set sentiment = 0.1",
    ],
    "bars_options_flow_grain_is_unique": [TWICE.format("bars.options_flow")],
    "bars_options_flow_are_possible": [
        "update bars.options_flow set known_at = timestamptz '2020-02-03 17:00Z'",
        "update bars.options_flow set put_volume = -1",
        "update bars.options_flow set imbalance = -0.5",
        "update bars.options_flow set imbalance = 1.5, put_premium_usd = null",
    ],
    "bars_etf_flows_grain_is_unique": [TWICE.format("bars.etf_flows")],
    "bars_etf_flows_are_possible": [
        "update bars.etf_flows set known_at = timestamptz '2020-02-03 17:00Z'",
        "update bars.etf_flows set flow_usd = 'nan'",
    ],
    "bars_calendar_events_grain_is_unique": [TWICE.format("bars.calendar_events")],
    "bars_calendar_events_are_possible": [
        "update bars.calendar_events set kind = 'party'",
        "update bars.calendar_events set symbol = 'S0'",
        "update bars.calendar_events set symbol = null",
    ],
    "bars_universe_grain_is_unique": [TWICE.format("bars.universe")],
    "bars_universe_covers_the_daily_bars": [
        "delete from bars.universe where symbol = 'S0'",
        "update bars.universe set last_date = first_date where symbol = 'S0'",
        "update bars.universe set kind = 'bond' where symbol = 'S0'",
    ],
    "bars_universe_has_one_index": ["update bars.universe set is_index = true"],
    "bars_quarantine_says_why": [
        "insert into bars.quarantine (source_file, target, reason, detail) "
        "values ('a.csv', 'bars.daily', ' ', 'x')",
    ],
    "bars_coverage_grain_is_unique": [TWICE.format("bars.coverage")],
    "bars_coverage_rows_have_provenance": ["update bars.coverage set run_id = null"],
    "bars_coverage_counts_add_up": [
        "update bars.coverage set n_missing = n_missing - 1",
        "update bars.coverage set longest_gap_minutes = 390",
        "update bars.coverage set longest_gap_minutes = 0",
        "update bars.coverage set n_expected = 0, n_missing = -1",
    ],
    "bars_coverage_counts_every_minute_bar": [
        "update bars.coverage set n_extended = 1",
        "delete from bars.coverage",
        "delete from bars.minute",
    ],
    "bars_volume_breaks_grain_is_unique": [TWICE.format("bars.volume_breaks")],
    "bars_volume_breaks_rows_have_provenance": ["update bars.volume_breaks set run_id = null"],
    "bars_volume_breaks_are_not_known_early": [
        "update bars.volume_breaks set known_at = timestamptz '2020-02-03 21:00Z'",
        "update bars.volume_breaks set ratio = 21",
        "update bars.volume_breaks set n_breaking = 7",
        "update bars.volume_breaks set evidence = ''",
        "update bars.volume_breaks set volume_before = 0",
    ],
    "bars_revisions_grain_is_unique": [TWICE.format("bars.revisions")],
    "bars_revisions_rows_have_provenance": ["update bars.revisions set run_id = null"],
    "bars_revisions_form_a_chain": [
        "update bars.revisions set new_volume = null",
        "update bars.revisions set revision = 2",
        "update bars.revisions set interval_minutes = 5",
        "update bars.revisions set known_at = old_known_at",
        "update bars.revisions set new_ingested_at = timestamptz '2020-02-03 01:00Z'",
        "insert into bars.revisions by name select * replace (2 as revision) from bars.revisions",
    ],
    "bars_spreads_grain_is_unique": [TWICE.format("bars.spreads")],
    "bars_spreads_rows_have_provenance": ["update bars.spreads set run_id = null"],
    "bars_spreads_are_possible": [
        "update bars.spreads set half_spread_bps = 0",
        "update bars.spreads set half_spread_high_bps = 1",
        "update bars.spreads set bucket_minute = 31",
        "update bars.spreads set n_quotes = 0",
        "update bars.spreads set source = 'model'",
        "update bars.spreads set source = 'guess'",
    ],
    "regimes_market_grain_is_unique": [TWICE.format("regimes.market")],
    "regimes_market_rows_have_provenance": ["update regimes.market set code_version = null"],
    "regimes_market_labels_are_known_words": [
        "update regimes.market set regime = 'bull'",
        "update regimes.market set reason = ''",
    ],
    "regimes_market_follows_its_rules": [
        "update regimes.market set is_price_crash = true where regime <> 'crash'",
        "update regimes.market set regime = 'unknown'",
        "update regimes.market set vix_source = 'missing'",
    ],
    "regimes_market_is_not_known_before_six": [
        "update regimes.market set known_at = known_at - interval 1 minute",
    ],
    "memory_rare_events_rows_have_provenance": ["update memory.rare_events set run_id = null"],
    "memory_rare_events_lie_apart": [
        "update memory.rare_events set last_date = date '2020-04-01' "
        "where event = 'covid_crash_2020'",
        "update memory.rare_events set weight = 1.5",
    ],
    "memory_archive_grain_is_unique": [TWICE.format("memory.archive")],
    "memory_archive_rows_have_provenance": ["update memory.archive set data_version = null"],
    "memory_archive_rows_belong_to_their_event": [
        "update memory.archive set session_date = date '2021-01-04'",
        "update memory.archive set event_regime = 'normal'",
        "update memory.archive set event = 'nothing'",
    ],
    "memory_archive_labels_agree": [
        "update memory.archive set label = 1 - label where symbol = 'S0'",
        "delete from labels.direction where symbol = 'S0'",
    ],
    "memory_replay_grain_is_unique": [
        TWICE.format("memory.replay"),
        "update memory.replay set place = 1",
    ],
    "memory_replay_rows_have_provenance": ["update memory.replay set run_id = null"],
    "memory_replay_errors_are_resolved_before_their_block": [
        "update memory.replay set block = block - 1 where block > 1",
        "update memory.replay set session_date = date '2020-08-03' where place = 1",
        "update memory.replay set end_session = end_session - 1 where place = 1",
        "update memory.replay set label = 1 - label where place = 1",
        "delete from splits.holdout",
    ],
    "memory_replay_errors_are_ranked": [
        "update memory.replay set error_frac = error_frac / 2 where place = 1",
        "update memory.replay set place = 100 - place",
        "update memory.replay set age_sessions = 0 where place = 1",
        "update memory.replay set oof_probability = 1.5 where place = 1",
    ],
    "memory_proposals_grain_is_unique": [TWICE.format("memory.proposals")],
    "memory_proposals_rows_have_provenance": ["update memory.proposals set code_version = null"],
    "memory_proposals_follow_the_regimes": [
        "update memory.proposals set last_date = last_date + 40",
        "update memory.proposals set n_sessions = n_sessions + 1",
        "update memory.proposals set vix_peak = vix_peak + 1",
        "update memory.proposals set drawdown_frac = drawdown_frac - 0.1",
        "update memory.proposals set regime = 'recovery'",
        "update memory.proposals set known_at = known_at - interval 1 day",
        "update memory.proposals set state = 'added'",
        "update memory.proposals set rarity_frac = 1.5",
        "update regimes.market set regime = 'normal'",
    ],
    "memory_proposals_say_what_covers_them": [
        "update memory.proposals set covered_by = null",
        "update memory.proposals set covered_by = 'nothing'",
        "delete from memory.rare_events",
    ],
    "labels_direction_grain_is_unique": [TWICE.format("labels.direction")],
    "labels_direction_rows_have_provenance": ["update labels.direction set config_version = null"],
    "labels_direction_spans_are_whole": [
        "update labels.direction set end_session = end_session + 1 where symbol = 'S0'",
        "update labels.direction set start_session = session where symbol = 'S0'",
        "update labels.direction set is_closed = true where symbol = 'S1'",
    ],
    "labels_direction_values_agree": [
        "update labels.direction set label = 2 where label = 1",
        "update labels.direction set is_closed = false where label is not null",
        "update labels.direction set excess_return_frac = excess_return_frac + 0.1",
        "update labels.direction set uniqueness = null where symbol = 'S0'",
    ],
    "labels_direction_are_equities_only": [
        "update bars.universe set kind = 'etf' where symbol = 'S0'",
        "delete from bars.daily where symbol = 'S0'",
    ],
    "labels_direction_are_not_known_early": [
        "update labels.direction set known_at = known_at - interval 1 day where symbol = 'S0'",
    ],
    "folds_do_not_leak": [
        "update splits.folds set role = 'train' where fold = 2 and symbol = 'S0'",
        "update labels.direction set end_session = end_session + 300 where symbol = 'S0'",
    ],
    "folds_hold_closed_labels_only": [
        "update labels.direction set label = null where symbol = 'S0'",
        "update labels.direction set end_session = end_session + 300 where symbol = 'S0'",
        "delete from labels.direction where symbol = 'S0'",
    ],
    "folds_test_whole_sessions_once": [
        "delete from splits.folds where symbol = 'S0' and role = 'test'",
        "update splits.folds set fold = 1 where fold = 2 and role = 'test' and symbol = 'S0'",
    ],
    "splits_folds_grain_is_unique": [TWICE.format("splits.folds")],
    "splits_folds_rows_have_provenance": ["update splits.folds set run_id = null"],
    "splits_holdout_rows_have_provenance": ["update splits.holdout set run_id = null"],
    "splits_holdout_counts_agree": [
        "update splits.holdout set n_rows = n_rows + 1",
        "delete from labels.direction where symbol = 'S1'",
    ],
}


def sound_market():
    """Return every table of the stages as a frame: real sessions of 2019-2020, made prices."""
    random = np.random.default_rng(5)
    inside = session_table()["session_date"].between("2019-06-03", "2020-08-31")
    days = session_table()[inside].reset_index(drop=True)
    parts = []
    for number in range(6):
        close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, len(days))))
        listed = days if number else days.iloc[:200]
        close = close[: len(listed)]
        parts.append(
            pd.DataFrame(
                {
                    "symbol": f"S{number}" if number < 5 else "INDEX",
                    "session_date": listed["session_date"],
                    "session": listed["session"],
                    "open": close * 1.001,
                    "high": close * 1.01,
                    "low": close * 0.99,
                    "close": close,
                    "volume": 1000.0,
                    "adj_factor": 1.0,
                    "prices": "total",
                    "has_vendor_seam": False,
                    "vendor": "made",
                    "known_at": listed["closes_at"],
                }
            )
        )
    daily = pd.concat(parts, ignore_index=True)
    dates = daily.groupby("symbol")["session_date"].agg(["min", "max", "size"]).reset_index()
    universe = pd.DataFrame(
        {
            "symbol": dates["symbol"],
            "kind": np.where(dates["symbol"] == "INDEX", "index", "equity"),
            "is_index": dates["symbol"] == "INDEX",
            "first_date": dates["min"],
            "last_date": dates["max"],
            "n_sessions": dates["size"],
            "is_delisted": dates["symbol"] == "S0",
            "is_simulated": True,
        }
    )
    vix = pd.DataFrame(
        {
            "session_date": days["session_date"],
            "close": 20 * np.exp(random.normal(0, 0.3, len(days))),
            "known_at": at_new_york(days["session_date"], VIX_TIME),
        }
    )
    vix = vix.drop(index=range(50, 60))
    rules = shipped(RegimesConfig, "regimes")
    regimes = label_regimes(daily[daily["symbol"] == "INDEX"], vix, rules)
    labels = label_direction(daily, universe, shipped(LabelsConfig, "labels"), 3)
    equities = daily[daily["symbol"] != "INDEX"]
    memory = shipped(MemoryConfig, "memory")
    events = rare_event_table(memory, equities)
    config = shipped(
        SplitsConfig, "splits", scheme="purged_kfold", embargo_sessions=EMBARGO, holdout_sessions=40
    )
    protocol = make_protocol(pd.DatetimeIndex(days["session_date"]), labels, config, "made")
    often = memory.proposals.model_copy(update={"min_past_spells": 1, "quantile": 0.51})
    proposed = propose_events(regimes, memory.model_copy(update={"proposals": often}))
    return {
        "bars.daily": daily,
        "bars.universe": universe,
        "bars.vix": vix,
        "regimes.market": regimes,
        "memory.rare_events": events,
        "memory.archive": archive_rows(events, labels, regimes),
        "memory.proposals": proposed,
        "memory.replay": replayed(labels, regimes, protocol),
        "labels.direction": labels,
        "splits.folds": fold_table(labels, protocol),
        "splits.holdout": holdout_table(labels, protocol),
    }


def replayed(labels, regimes, protocol):
    """Return memory.replay of predictions made at random for every closed label."""
    closed = labels[labels["label"].notna() & (labels["end_session"] < protocol.holdout_opens)]
    rows = closed.merge(regimes[["session_date", "regime"]], on="session_date")
    opens = [ordinal(start) for start in protocol.block_starts]
    predictions = rows.assign(
        learner="made",
        label=rows["label"].astype("int64"),
        block=np.searchsorted(opens, rows["session"], side="right"),
        oof_probability=np.random.default_rng(6).uniform(size=len(rows)),
    )
    errors = prediction_errors(predictions, rows)
    errors = errors.merge(rows[["symbol", "session", "regime"]], on=["symbol", "session"])
    rules = shipped(SamplingConfig, "sampling").replay
    cuts = {0: protocol.holdout_opens, **dict(enumerate(opens[1:], start=2))}
    parts = [replay_buffer(errors, cut, rules).assign(block=b) for b, cut in cuts.items()]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """A database with the migrations applied and a sound market inside."""
    # An in-memory database is itself named `memory`, as one of the schemas is.
    file = tmp_path_factory.mktemp("checks") / "warehouse.duckdb"
    connection = duckdb.connect(str(file), config={"threads": 1})
    connection.execute("set timezone = 'UTC'")
    for migration in sorted((SQL / "migrations").glob("*.sql")):
        connection.execute(migration.read_text())
    for table, frame in sound_market().items():
        rows = frame.assign(**dict.fromkeys(PROVENANCE_COLUMNS, "made"))
        connection.register("incoming", rows)
        connection.execute(f"insert into {table} by name select * from incoming")
    for row in (
        SOME_COVERAGE,
        SOME_VOLUME_BREAK,
        SOME_REVISION,
        SOME_SPREAD,
        SOME_MINUTE,
        SOME_INTRADAY,
        SOME_MACRO,
        SOME_REQUESTS,
        *SOME_EVENTS,
    ):
        connection.execute(row)
    yield connection
    connection.close()


def offending(connection, check):
    """Return the rows a check finds, binding the parameters it names."""
    sql = check.read_text()
    params = {"embargo_sessions": EMBARGO} if "$embargo_sessions" in sql else None
    return connection.execute(sql, params).fetchall()


def test_every_check_names_a_table_of_the_contract_and_has_a_fault_that_it_must_catch(warehouse):
    tables = {
        f"{schema}.{table}"
        for schema, table in warehouse.execute(
            "select schema_name, table_name from duckdb_tables()"
        ).fetchall()
    }
    assert {asset_of(check) for check in CHECKS.values()} <= tables
    assert set(CHECKS) == set(FAULTS)


def test_the_sound_market_has_rows_in_every_table_it_fills(warehouse):
    memory = ("memory.archive", "memory.proposals", "memory.replay")
    for table in (*memory, "splits.folds", "splits.holdout", "labels.direction"):
        assert warehouse.execute(f"select count(*) from {table}").fetchone()[0] > 0


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_sound_market_passes(warehouse, name):
    assert offending(warehouse, CHECKS[name]) == []


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults]
)
def test_a_fault_is_caught(warehouse, name, fault):
    warehouse.execute("begin")
    try:
        warehouse.execute(fault)
        assert offending(warehouse, CHECKS[name])
    finally:
        warehouse.execute("rollback")
