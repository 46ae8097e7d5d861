"""Does a value change when what was not yet known is taken away, or replaced by noise?

Truncation and garble cut on `known_at`, whatever the table: a row that was known by the cut must
keep every bit. Garble at each session in turn makes every row the last one known of some cut, so
a leak in one single row has no place to hide.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.proof.finding import END_OF_DATA, Finding, in_new_york

Frames = Mapping[str, pd.DataFrame]
# Builds the columns named, all of them for None.
Build = Callable[[Frames, Sequence[str] | None], pd.DataFrame]
Progress = Callable[[], None]
Flags = NDArray[np.bool_]
Drawn: TypeAlias = NDArray[np.float64] | pd.api.extensions.ExtensionArray

# Noise replaces values; who, when and on what scale stays as it was.
KEPT = frozenset(
    {
        *("symbol", "series", "kind", "vendor", "prices", "action"),
        *("session", "session_date", "observed_date", "ex_date", "ts", "opens_at", "closes_at"),
        "stamp",
        "known_at",
    }
)
REACHES = (1, 2, 3, 5, 10, 20, 40, 80, 160, 320)
# Columns of a feature table that are no features.
BESIDE = frozenset(
    {"known_at", "session", "session_date", "opens_at", "closes_at", "interval_minutes"}
)
HOW = {
    "truncation": "is taken away",
    "replay": "is taken away",
    "garble": "is replaced by noise",
}


@dataclass(frozen=True)
class Study:
    """A table of features, what it is made of, and the instants at which it is judged.

    Frames with a `known_at` are cut; the others are facts without a date. The table has `keys`,
    `known_at` and one float column a feature. `instants` are all the moments a row can become
    known at, in order, `steps` apart (the word for them).
    """

    frames: Frames
    build: Build
    keys: tuple[str, str]
    instants: pd.DatetimeIndex
    steps: str
    # Differences up to this share of the column's spread are rounding, not knowledge.
    tolerance: float = 0.0

    def whole(self, names: Sequence[str] | None = None) -> "Table":
        """Return the table made of everything."""
        return Table.of(self, self.build(self.frames, names))

    def cut(self, as_of: pd.Timestamp, names: Sequence[str] | None = None) -> "Table":
        """Return the table made of what was known."""
        known = {
            name: frame[(frame["known_at"] <= as_of).to_numpy()] if "known_at" in frame else frame
            for name, frame in self.frames.items()
        }
        return Table.of(self, self.build(known, names))


@dataclass(frozen=True)
class Table:
    """A feature table in order of its keys: instants in ns, values of shape (rows, columns)."""

    names: tuple[str, ...]
    symbol: NDArray[np.object_]
    clock: NDArray[np.int64]
    date: NDArray[np.datetime64]
    known_at: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, study: Study, frame: pd.DataFrame) -> "Table":
        """Sort a frame by the study's keys; every column beside keys and dates is a feature."""
        symbol, clock = study.keys
        ordinals = pd.Index(frame[clock])
        if isinstance(ordinals, pd.DatetimeIndex):
            ordinals = ordinals.as_unit("ns").astype("int64")
        codes, words = pd.factorize(frame[symbol], sort=True)
        order = np.lexsort((ordinals.to_numpy(), codes))
        names = tuple(name for name in frame.columns if name not in (*study.keys, *BESIDE))
        known = pd.DatetimeIndex(frame["known_at"]).as_unit("ns").astype("int64").to_numpy()
        return cls(
            names,
            np.asarray(words, dtype=object)[codes[order]],
            ordinals.to_numpy("int64")[order],
            frame["session_date"].to_numpy("datetime64[ns]")[order],
            known[order],
            frame[list(names)].to_numpy("float64")[order],
        )

    def known(self, as_of: pd.Timestamp) -> "Table":
        """Return the rows known by an instant."""
        rows = self.known_at <= as_of.as_unit("ns").value
        return Table(
            self.names,
            self.symbol[rows],
            self.clock[rows],
            self.date[rows],
            self.known_at[rows],
            self.values[rows],
        )


@dataclass
class Trace:
    """What is known so far of one column's leak."""

    test: str
    as_of: pd.Timestamp
    symbol: str
    clock: int
    date: pd.Timestamp
    dates: set[pd.Timestamp] = field(default_factory=set)


class Noise:
    """The study's frames with noise in place of every value that can be replaced, drawn once."""

    def __init__(self, study: Study, seed: int) -> None:
        self.study = study
        rng = np.random.default_rng(seed)
        self.drawn: dict[str, dict[str, Drawn]] = {}
        for name in sorted(study.frames):
            frame = study.frames[name]
            if "known_at" in frame:
                self.drawn[name] = {
                    str(column): _noise(frame[column], rng)
                    for column in frame.columns
                    if _is_replaceable(frame[column])
                }

    def after(self, as_of: pd.Timestamp, names: Sequence[str] | None = None) -> Table:
        """Return the table made with noise for all that was not known."""
        frames = dict(self.study.frames)
        for name, columns in self.drawn.items():
            frame = frames[name]
            hidden = (frame["known_at"] > as_of).to_numpy()
            if hidden.any():
                frames[name] = frame.assign(
                    **{c: _where(hidden, noise, frame[c]) for c, noise in columns.items()}
                )
        return Table.of(self.study, self.study.build(frames, names))


def _where(hidden: Flags, noise: Drawn, column: "pd.Series[Any]") -> Drawn:
    if isinstance(noise, np.ndarray):
        return np.where(hidden, noise, column.to_numpy())
    drawn: Drawn = column.mask(hidden, pd.Series(noise, index=column.index)).array
    return drawn


def _is_replaceable(column: "pd.Series[Any]") -> bool:
    if column.name in KEPT:
        return False
    return not pd.api.types.is_bool_dtype(column)


def _noise(column: "pd.Series[Any]", rng: np.random.Generator) -> Drawn:
    """Draw from the column's own values, so that noise has its kind and its scale."""
    given = column.dropna()
    if given.empty:
        return np.ones(len(column)) if pd.api.types.is_float_dtype(column) else column.array
    drawn = given.iloc[rng.integers(0, len(given), len(column))].array
    if pd.api.types.is_float_dtype(column):
        return np.asarray(drawn, dtype="float64") * np.exp(rng.normal(0.0, 1.0, len(column)))
    noise: Drawn = drawn
    return noise


def future_findings(
    study: Study,
    moments: Iterable[pd.Timestamp],
    dense: Iterable[pd.Timestamp] = (),
    *,
    seed: int = 0,
    names: Sequence[str] | None = None,
    on_step: Progress = lambda: None,
) -> list[Finding]:
    """Return the columns that read the future, each once, in the order of the table.

    Both trials run at `moments`; garble alone at the `dense` instants. `on_step` is told after
    each build.
    """
    base = study.whole(names)
    on_step()
    again = study.whole(names)
    unstable: set[int] = set(
        np.flatnonzero(_differing(base, again, study.tolerance).any(axis=0)).tolist()
    )
    on_step()
    noise = Noise(study, seed)
    traces: dict[str, Trace] = {}
    moments = tuple(moments)
    for as_of in moments:
        _note(traces, base, study.cut(as_of, names), as_of, "truncation", study.tolerance)
        on_step()
    for as_of in (*moments, *dense):
        _note(traces, base, noise.after(as_of, names), as_of, "garble", study.tolerance)
        on_step()
    random = {base.names[column] for column in unstable}
    found = [_random(name) for name in base.names if name in random]
    found += [
        _finding(study, noise, name, traces[name])
        for name in ("rows", *base.names)
        if name in traces and name not in random
    ]
    return found


def replay_findings(
    study: Study,
    instants: Iterable[pd.Timestamp],
    *,
    names: Sequence[str] | None = None,
    on_step: Progress = lambda: None,
) -> list[Finding]:
    """Return the columns whose newest row, as it came in, is not what history says of it later."""
    base = study.whole(names)
    noise = Noise(study, 0)
    traces: dict[str, Trace] = {}
    for as_of in instants:
        _note(traces, base, study.cut(as_of, names), as_of, "replay", study.tolerance)
        on_step()
    return [
        _finding(study, noise, name, traces[name])
        for name in ("rows", *base.names)
        if name in traces
    ]


def _differing(one: Table, other: Table, tolerance: float) -> Flags:
    """Return where values differ, shape (rows, columns); missing equals missing."""
    same = (one.values == other.values) | (np.isnan(one.values) & np.isnan(other.values))
    if tolerance and not same.all():
        with np.errstate(invalid="ignore"):
            spread = np.nanstd(one.values, axis=0)
            same |= np.abs(one.values - other.values) <= tolerance * spread
    return np.asarray(~same)


def _note(
    traces: dict[str, Trace],
    whole: Table,
    partial: Table,
    as_of: pd.Timestamp,
    test: str,
    tolerance: float,
) -> None:
    """Add the columns that differ in rows known by an instant."""
    whole, partial = whole.known(as_of), partial.known(as_of)
    if not (
        np.array_equal(whole.clock, partial.clock) and np.array_equal(whole.symbol, partial.symbol)
    ):
        known = set(zip(partial.symbol.tolist(), partial.clock.tolist(), strict=True))
        here = set(zip(whole.symbol.tolist(), whole.clock.tolist(), strict=True))
        lone = sorted(known ^ here, key=lambda key: (key[1], key[0]))[0]
        place = whole if lone in here else partial
        row = int(np.flatnonzero((place.symbol == lone[0]) & (place.clock == lone[1]))[0])
        _extend(traces, "rows", test, as_of, place, np.array([row]))
        return
    if not whole.values.size:
        return
    differs = _differing(whole, partial, tolerance)
    for column in np.flatnonzero(differs.any(axis=0)).tolist():
        rows = np.flatnonzero(differs[:, column])
        _extend(traces, whole.names[column], test, as_of, whole, rows)


def _extend(
    traces: dict[str, Trace],
    name: str,
    test: str,
    as_of: pd.Timestamp,
    table: Table,
    rows: NDArray[np.intp],
) -> None:
    first = rows[np.argmin(table.clock[rows])]
    found = Trace(
        test,
        as_of,
        str(table.symbol[first]),
        int(table.clock[first]),
        pd.Timestamp(table.date[first]),
    )
    known = traces.setdefault(name, found)
    known.dates.update(pd.Timestamp(date) for date in np.unique(table.date[rows]))
    if found.clock < known.clock:
        found.dates = known.dates
        # Garble can tell how far a value reads, so it is the witness where both caught it.
        traces[name] = found
    elif found.clock == known.clock and known.test == "truncation" and test == "garble":
        known.test, known.as_of, known.symbol = test, as_of, found.symbol


def _random(name: str) -> Finding:
    return Finding(
        subject=name,
        test="repeat",
        how=f"`{name}` is not the same when it is computed twice from the same bars; "
        "take randomness and the clock out of it",
    )


def _finding(study: Study, noise: Noise, name: str, trace: Trace) -> Finding:
    ahead = None
    if trace.test == "garble" and name != "rows":
        ahead = _reach(study, noise, name, trace)
    whose = f"`{name}` leaks: its value for" if name != "rows" else "The rows leak: the row of"
    text = (
        f"{whose} {trace.symbol} on {trace.date:%Y-%m-%d} changes when what became known after "
        f"{in_new_york(trace.as_of)} {HOW[trace.test]}"
    )
    if ahead == END_OF_DATA:
        text += f"; it reads to {END_OF_DATA}"
    elif ahead is not None:
        text += f"; it reads at least {ahead} ahead"
    first = min(trace.dates)
    since = "on that session alone" if len(trace.dates) == 1 else f"from {first:%Y-%m-%d} on"
    joiner = ", " if ahead is not None else "; it does so "
    return Finding(
        subject=name,
        test=trace.test,
        how=f"{text}{joiner}{since}",
        first_date=first,
        ahead=ahead,
    )


def _reach(study: Study, noise: Noise, name: str, trace: Trace) -> str | None:
    """Return how far after its row a value still reads, on a grid of steps."""
    base = study.whole([name])
    row = np.flatnonzero((base.symbol == trace.symbol) & (base.clock == trace.clock))
    if row.size != 1:
        return None
    known = pd.Timestamp(int(base.known_at[row[0]]), tz="UTC")
    place = int(study.instants.searchsorted(known, side="right")) - 1
    last = len(study.instants) - 1
    column = base.names.index(name)
    furthest = None
    for steps in REACHES:
        if place + steps > last:
            break
        garbled = noise.after(study.instants[place + steps - 1], [name])
        at = np.flatnonzero((garbled.symbol == trace.symbol) & (garbled.clock == trace.clock))
        one, other = base.values[row[0], column], garbled.values[at[0], column]
        if one == other or (np.isnan(one) and np.isnan(other)):
            continue
        furthest = steps
    if furthest is None:
        return None
    beyond = [steps for steps in REACHES if place + steps <= last]
    if furthest == beyond[-1] and furthest >= 20:
        return END_OF_DATA
    return f"{furthest} {study.steps if furthest > 1 else study.steps.removesuffix('s')}"
