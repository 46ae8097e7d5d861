"""Rules of the fold picture: purge before a test block, embargo after it."""

import pandas as pd

from trading_pipeline.reports.folds import fold_blocks

DAYS = pd.bdate_range("2020-01-01", periods=100)


def labelled(fold: int, role: str, first: int, last: int) -> pd.DataFrame:
    days = DAYS[first:last]
    return pd.DataFrame({"fold": fold, "session_date": days, "role": role}).merge(
        pd.DataFrame({"symbol": ["A", "B"]}), how="cross"
    )


def purged_kfold() -> pd.DataFrame:
    return pd.concat(
        [
            labelled(1, "train", 0, 30),
            labelled(1, "test", 35, 60),
            labelled(1, "train", 70, 100),
            labelled(2, "test", 0, 100),
        ]
    )


def test_the_gap_before_a_test_block_is_purge_and_the_one_after_it_embargo() -> None:
    blocks = fold_blocks(purged_kfold(), {})
    first = blocks[blocks["fold"] == 1]
    assert first["role"].tolist() == ["train", "purge", "test", "embargo", "train"]
    purge = first.iloc[1]
    assert (purge["first_date"], purge["last_date"]) == (DAYS[30], DAYS[34])


def test_the_order_of_the_rows_does_not_matter() -> None:
    folds = purged_kfold()
    shuffled = folds.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(fold_blocks(folds, {}), fold_blocks(shuffled, {}))


def test_the_final_fit_ends_before_the_hold_out() -> None:
    protocol = {"holdout_start": "2020-07-01", "holdout_end": "2020-12-31", "train_start": None}
    final = fold_blocks(purged_kfold(), protocol).query("fold == 0")
    assert final["role"].tolist() == ["train", "purge", "holdout"]
    assert final["last_date"].iloc[0] == DAYS[-1]
    assert final["first_date"].iloc[2] == pd.Timestamp("2020-07-01")


def test_no_folds_give_no_spans() -> None:
    empty = pd.DataFrame(columns=["fold", "symbol", "session_date", "role"])
    assert fold_blocks(empty, {"holdout_start": "2020-07-01", "holdout_end": "2020-12-31"}).empty
