"""What one switch of the training set does, by regime: paired, out of fold, before the hold-out.

`python -m trading_pipeline_tests.bench.effect --home HOME [--switch use_replay]` fits the blocks
of a finished run twice, with the switch on and off and all else as the run had it, and compares
the learners' mean on the same rows. The hold-out is not read.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.assets.training import TrainingSpan
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.ensemble.scores import ALL_REGIMES, SessionBootstrap
from trading_pipeline.domain.memory.replay import prediction_errors
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.resources import StageRun
from trading_pipeline.resources.pipeline import open_warehouse

SWITCHES = ("use_replay", "use_archive", "use_uniqueness", "balance")


def main(arguments=None):
    """Print one line per regime."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--switch", choices=SWITCHES, default=SWITCHES[0])
    chosen = parser.parse_args(arguments)
    run = run_of(chosen.home)
    by_state = {state: predicted(run, chosen.switch, is_on=state) for state in (True, False)}
    config = run.config
    lines = effect_by_regime(
        by_state[True], by_state[False], config.labels.horizon_sessions, config.gate
    )
    shown = Table(title=f"{chosen.switch}: on less off", title_justify="left", box=None)
    for name in ("regime", "rows", "sessions", "AUC on", "AUC off", "difference", "interval"):
        shown.add_column(name, justify="left" if name == "regime" else "right")
    for line in lines.itertuples():
        shown.add_row(
            line.regime,
            f"{line.n_rows:,}",
            f"{line.n_sessions:,}",
            f"{line.auc_on:.4f}",
            f"{line.auc_off:.4f}",
            f"{line.difference:+.4f}",
            f"{line.low:+.4f} to {line.high:+.4f}",
        )
    Console().print(shown)


def run_of(home):
    """Return a view of a home's newest settings and tables, as an asset has it."""
    stored = ConfigStore(home).load("")
    return StageRun(
        asset="bench.effect",
        run_id="",
        config=stored.config,
        config_version=stored.version,
        code_version=code_version(),
        warehouse=open_warehouse(home, stored.config),
        progress=None,
        renderer=None,
        log=logging.getLogger(__name__),
        is_forced=False,
        memory={},
        vendors=None,
        studies_at=None,
    )


def predicted(run, switch, *, is_on):
    """Return the learners' mean out of fold, with the switch on or off."""
    sampling = run.config.sampling.model_copy(update={switch: is_on})
    run.config = run.config.model_copy(update={"sampling": sampling})
    span = TrainingSpan.load(run)
    best = run.table("sweeps.best")
    blocks = [block for block in span.blocks if block != FINAL_BLOCK]
    recipes = {block: span.recipe(block, best, span.selected(block)) for block in blocks}
    tested = {block: span.tested(block) for block in blocks}
    rows = span.out_of_fold(recipes, tested, lambda *_: None)
    errors = prediction_errors(rows, span.panel.rows)
    regime = span.panel.rows[["symbol", "session", "regime"]]
    return errors.merge(regime, on=["symbol", "session"], validate="one_to_one")


def effect_by_regime(on, off, horizon, gate):
    """Return AUC on, off and their difference with its interval, of all rows and by regime.

    `on` and `off` hold symbol, session, label, oof_probability and regime of the same decisions;
    every line is scored on the same resamples of whole blocks of sessions.
    """
    keys = ["session", "symbol"]
    both = on.merge(
        off[[*keys, "oof_probability"]], on=keys, suffixes=("", "_off"), validate="one_to_one"
    ).sort_values(keys, ignore_index=True)
    if len(both) < max(len(on), len(off)):
        raise ValueError("the two sides do not hold the same decisions")
    bootstrap = SessionBootstrap.build(
        both["session"].to_numpy(),
        horizon,
        n_samples=gate.bootstrap_samples,
        interval_sd=gate.interval_sd,
        seed=gate.seed,
    )
    lines = []
    for regime in (ALL_REGIMES, *REGIMES):
        rows = both if regime == ALL_REGIMES else both[both["regime"] == regime]
        if rows.empty:
            continue
        session, label = rows["session"].to_numpy(), rows["label"].to_numpy()
        ours, theirs = (rows[c].to_numpy() for c in ("oof_probability", "oof_probability_off"))
        samples = bootstrap.auc_samples(ours, label, session)
        samples = samples - bootstrap.auc_samples(theirs, label, session)
        found = bootstrap.around(auc(ours, label) - auc(theirs, label), samples)
        lines.append(
            {
                "regime": regime,
                "n_rows": len(rows),
                "n_sessions": int(np.unique(session).size),
                "auc_on": auc(ours, label),
                "auc_off": auc(theirs, label),
                "difference": found.value,
                "low": found.low,
                "high": found.high,
            }
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
