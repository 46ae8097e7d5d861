"""The lines of features.intraday: which step of the kernels writes which columns, from what.

Indicators run over a symbol's own bars in their order, across sessions: the first bar of a session
follows the last of the one before, and no missing bar is filled in. What an exponential average
remembers of its start has faded below 0.3 % when its first value shows, as in features.daily.
"""

from dataclasses import dataclass
from typing import Final

from trading_pipeline.contracts.data_config import IntradayFeaturesConfig

SESSION_MINUTES: Final = 390
WILDER: Final = "Wilder (1978); TA-Lib"
HLC: Final = ("high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; bars of finer timeframes carry it too where it is joined."""

    name: str
    formula: str
    unit: str
    is_joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step of the kernel and the columns it writes.

    `kind` names the step and `periods` its lengths; a line without kind is written with the
    session's values. The first value needs `n_sessions` whole sessions and `n_bars` bars. The step
    keeps `n_state` numbers, as many for every bar of a session where `is_by_place`.
    """

    kind: str
    periods: tuple[int, ...]
    family: str
    columns: tuple[Column, ...]
    inputs: tuple[str, ...]
    source: str
    n_bars: int = 1
    n_sessions: int = 0
    n_state: int = 0
    is_by_place: bool = False
    group: str | None = None

    def lookback(self, interval: int) -> int:
        """Return how many bars of an interval the first value needs."""
        return self.n_sessions * bars_per_session(interval) + self.n_bars

    def state_size(self, interval: int) -> int:
        """Return how many numbers the step keeps at an interval."""
        return self.n_state * (bars_per_session(interval) if self.is_by_place else 1)


def bars_per_session(interval: int) -> int:
    """Return how many bars of an interval a full session has."""
    return -(-SESSION_MINUTES // interval)


def intraday_lines(config: IntradayFeaturesConfig) -> tuple[Line, ...]:
    """Return every line, those of the session first, in the order of the columns."""
    return (
        *_session_lines(config),
        *(_atr(n) for n in config.atr_bars),
        *(_rsi(n) for n in config.rsi_bars),
        *(_stoch_rsi(*lengths) for lengths in config.stoch_rsi_bars),
        *(_bollinger(n) for n in config.bollinger_bars),
        *(_macd(*lengths) for lengths in config.macd_bars),
        *(_obv(n) for n in config.obv_bars),
        *(_mfi(n) for n in config.mfi_bars),
        *(_volatility(n) for n in config.volatility_bars),
        _relative_volume(config.volume_sessions),
    )


def _session_lines(config: IntradayFeaturesConfig) -> tuple[Line, ...]:
    """Return the columns that `intraday_bars` writes, in its order."""
    n = config.profile_sessions

    def line(
        family: str, source: str, inputs: tuple[str, ...], *columns: tuple[str, str, str]
    ) -> Line:
        made = tuple(Column(name=name, formula=words, unit=unit) for name, words, unit in columns)
        return Line(
            kind="",
            periods=(),
            family=family,
            columns=made,
            inputs=inputs,
            source=source,
        )

    traded = (*HLC, "volume")
    return (
        line(
            "vwap",
            "Berkowitz, Logue and Noser (1988)",
            traded,
            (
                "vwap_distance",
                "close / volume-weighted mean of the session's minutes so far,"
                " each at (high + low + close) / 3, - 1",
                "frac",
            ),
        ),
        line(
            "volume_profile",
            "Steidlmayer (1986), market profile",
            traded,
            (
                "control_distance",
                "close / price with most of the session's volume so far - 1",
                "frac",
            ),
            (
                "volume_share_above",
                "share of the session's volume so far that traded above the close",
                "0..1",
            ),
        ),
        Line(
            kind="",
            periods=(n,),
            family="volume_profile",
            columns=(
                Column(
                    name=f"control_distance_{n}",
                    formula=f"close / price with most volume of the {n} sessions before - 1",
                    unit="frac",
                ),
            ),
            inputs=traded,
            source="Steidlmayer (1986), market profile",
            n_sessions=n,
        ),
        line(
            "session",
            "place of the price in its session",
            ("open", *HLC),
            ("session_return", "close / first price of the session - 1", "frac"),
            (
                "opening_range_place",
                f"(close - low) / (high - low) of the first {config.opening_range_minutes} minutes,"
                " missing until they are over",
                "0..1 inside",
            ),
        ),
        line(
            "time",
            "XNYS calendar",
            ("closes_at",),
            ("minutes_since_open", "minutes from the session's open to closes_at", "minutes"),
            ("minutes_to_close", "minutes from closes_at to the session's close", "minutes"),
            (
                "time_bucket",
                "0 to 30 minutes after the open, 1 to 120, 2 to 270, 3 after, 4 in the last hour",
                "0..4",
            ),
        ),
    )


def _atr(n: int) -> Line:
    return Line(
        kind="ATR",
        periods=(n,),
        family="volatility",
        columns=(
            Column(
                name=f"atr_{n}",
                formula=f"average true range of {n} bars / close",
                unit="frac",
                is_joined=True,
            ),
        ),
        inputs=HLC,
        source=WILDER,
        n_bars=8 * n + 1,
        n_state=1,
        group="intraday_atr",
    )


def _rsi(n: int) -> Line:
    return Line(
        kind="RSI",
        periods=(n,),
        family="oscillator",
        columns=(
            Column(
                name=f"rsi_{n}",
                formula=f"relative strength index of {n} bars",
                unit="0..100",
                is_joined=True,
            ),
        ),
        inputs=("close",),
        source=WILDER,
        n_bars=8 * n + 1,
        n_state=2,
        group="intraday_rsi",
    )


def _stoch_rsi(n: int, look: int, smooth: int) -> Line:
    window = f"{n}_{look}_{smooth}"
    return Line(
        kind="STOCH_RSI",
        periods=(n, look, smooth),
        family="oscillator",
        columns=(
            Column(
                name=f"stoch_rsi_{window}",
                formula=f"place of rsi_{n} in its range of {look} bars",
                unit="0..100",
            ),
            Column(
                name=f"stoch_rsi_mean_{window}",
                formula=f"mean of {smooth} bars of stoch_rsi_{window}",
                unit="0..100",
            ),
        ),
        inputs=("close",),
        source="Chande and Kroll (1994); TA-Lib STOCHRSI",
        n_bars=8 * n + look + smooth - 1,
        n_state=4 + 2 * (look + smooth),
        group="intraday_stoch_rsi",
    )


def _bollinger(n: int) -> Line:
    return Line(
        kind="BOLLINGER",
        periods=(n,),
        family="bollinger",
        columns=(
            Column(
                name=f"bollinger_place_{n}",
                formula=f"(close - lower) / (upper - lower) band, {n} bars, 2 deviations",
                unit="0..1 inside",
                is_joined=True,
            ),
            Column(
                name=f"bollinger_width_{n}",
                formula=f"(upper - lower) / middle band, {n} bars, 2 deviations",
                unit="frac",
            ),
        ),
        inputs=("close",),
        source="Bollinger (2001); TA-Lib BBANDS",
        n_bars=n,
        n_state=1 + 2 * n,
        group="intraday_bollinger",
    )


def _macd(fast: int, slow: int, smooth: int) -> Line:
    window = f"{fast}_{slow}_{smooth}"
    return Line(
        kind="MACD",
        periods=(fast, slow, smooth),
        family="macd",
        columns=(
            Column(
                name=f"macd_{window}",
                formula=f"(EMA of {fast} - EMA of {slow} bars) / close",
                unit="frac",
            ),
            Column(
                name=f"macd_hist_{window}",
                formula=f"(MACD - its EMA of {smooth} bars) / close",
                unit="frac",
                is_joined=True,
            ),
        ),
        inputs=("close",),
        source="Appel (1979); TA-Lib MACD",
        n_bars=4 * (slow + smooth),
        n_state=3,
        group="intraday_macd",
    )


def _single(
    kind: str, n: int, family: str, column: Column, inputs: tuple[str, ...], source: str,
    n_bars: int, n_rings: int,
) -> Line:  # fmt: skip
    """Return a line of one column over rings of its last n bars."""
    return Line(
        kind=kind,
        periods=(n,),
        family=family,
        columns=(column,),
        inputs=inputs,
        source=source,
        n_bars=n_bars,
        n_state=n_rings * (1 + 2 * n),
        group=f"intraday_{kind.lower()}",
    )


def _obv(n: int) -> Line:
    words = f"change of on-balance volume over {n} bars / their volume"
    column = Column(name=f"obv_change_{n}", formula=words, unit="-1..1")
    source = "Granville (1963); TA-Lib OBV"
    return _single("OBV", n, "volume", column, ("close", "volume"), source, n + 1, 2)


def _mfi(n: int) -> Line:
    words = f"money flow index of {n} bars; missing where no money flowed"
    column = Column(name=f"mfi_{n}", formula=words, unit="0..100")
    source = "Quong and Soudack (1989); TA-Lib MFI"
    return _single("MFI", n, "volume", column, (*HLC, "volume"), source, n + 1, 1)


def _volatility(n: int) -> Line:
    words = f"root mean square of ln(close / open) of {n} bars: without what happens between bars"
    column = Column(name=f"realised_volatility_{n}", formula=words, unit="frac per bar")
    source = "Andersen and Bollerslev (1998)"
    return _single("VOLATILITY", n, "volatility", column, ("open", "close"), source, n, 1)


def _relative_volume(n: int) -> Line:
    return Line(
        kind="RELATIVE_VOLUME",
        periods=(n,),
        family="volume",
        columns=(
            Column(
                name=f"relative_volume_{n}",
                formula=f"ln(volume / mean volume of the same bar of the {n} sessions before in"
                " which it traded)",
                unit="1",
            ),
        ),
        inputs=("volume",),
        source="volume against its time-of-day curve",
        n_sessions=n,
        n_state=1 + 2 * n,
        is_by_place=True,
    )
