"""How much of a planted chance the model of falls recovers, and what it finds where none is.

`python -m trading_pipeline_tests.bench.falls [SESSIONS [SEEDS [ORACLE_AUC ...]]]`; minutes of CPU.
"""

import sys
import tempfile
from pathlib import Path

from trading_pipeline_tests.falls_truth import holdout_of, truth_of

N_SYMBOLS, N_SESSIONS, N_SEEDS = 14, 756, 3
ORACLE_AUCS = (0.5, 0.65, 0.7)
FIRST_SEED = 1


def measured(oracle_auc, n_sessions=N_SESSIONS, n_seeds=N_SEEDS):
    """Return the figures over the hold-outs of so many markets."""
    holdouts = []
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        with tempfile.TemporaryDirectory(prefix="trading-pipeline-falls-") as name:
            holdouts.append(holdout_of(Path(name), N_SYMBOLS, n_sessions, oracle_auc, seed))
    return truth_of(holdouts)


def main(n_sessions=N_SESSIONS, n_seeds=N_SEEDS, *oracle_aucs):
    """Print the figures of each level."""
    for oracle_auc in map(float, oracle_aucs or ORACLE_AUCS):
        found = measured(oracle_auc, int(n_sessions), int(n_seeds))
        planted = "nothing planted" if found.oracle is None else f"oracle {found.oracle}"
        print(
            f"{planted}: model {found.model}, trivial {found.trivial}, "
            f"model over trivial {found.over_trivial}, recovered {found.recovered}; "
            f"{found.n_events:,} falls of {found.n_sessions} sessions held out, "
            f"{found.n_markets} markets",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
