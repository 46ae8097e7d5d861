"""The report tells what followed live words, worst first, with intervals or the reason for none."""

from trading_pipeline.reports.tables_outcomes import (
    regimes_drift_table,
    scores_drift_table,
    sectors_table,
    symbols_table,
)
from trading_pipeline_tests.reports.payloads import (
    drift_predictions_frame,
    drift_regimes_frame,
    tracking_frame,
)


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_the_worst_stand_first_with_their_intervals():
    shuffled = tracking_frame().sample(frac=1, random_state=3)
    sectors, symbols = texts(sectors_table(shuffled)), texts(symbols_table(shuffled))
    assert [row[1] for row in sectors] == ["all", "Energy", "Health Care", "Utilities"]
    assert sectors[1][2:4] == ["0.475 [0.455, 0.495]"] * 2
    assert sectors[-1][2:5] == ["not assessable", "not assessable", "–"]
    assert [row[1] for row in symbols] == [f"STK{i:02d}" for i in range(10)]
    assert symbols_table(shuffled).remark == "2 more symbols are in outcomes.tracking."


def test_live_scores_are_told_of_the_last_session_only():
    (row,) = texts(scores_drift_table(drift_predictions_frame()))
    assert row[1:4] == ["0.120 (limit 0.310)", "not assessable", "not assessable"]


def test_a_regime_beyond_training_is_marked():
    table = regimes_drift_table(drift_regimes_frame())
    states = {row[0].text: row[-1].text for row in table.rows}
    assert [name for name, state in states.items() if state == "beyond training"] == [
        "high volatility"
    ]
