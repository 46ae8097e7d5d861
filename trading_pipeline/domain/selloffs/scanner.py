"""The scanner of one session: new bars in, rows of selloffs.alerts out, each fall once."""

from collections import Counter
from typing import Protocol

import pandas as pd

from trading_pipeline.contracts.selloffs_config import TradeRuleConfig
from trading_pipeline.domain.selloffs.alerts import Speaker, alert_id, build_alerts
from trading_pipeline.domain.selloffs.freshness import Coverage


class Detector(Protocol):
    """Falls and their features, from the bars of one session as they come: `SessionScan`."""

    def advance(self, minutes: pd.DataFrame) -> pd.DataFrame:
        """Return the falls that these bars bring, joined with their features."""


class Scanner:
    """One session of one mode under way."""

    def __init__(
        self,
        detector: Detector,
        speaker: Speaker,
        coverage: Coverage,
        *,
        mode: str,
        scan: str,
        rule: TradeRuleConfig,
        told: pd.DataFrame,
        watched: frozenset[str],
    ) -> None:
        """Begin, or go on after a stop.

        Args:
            detector: Finds the falls of all symbols that send bars.
            speaker: The model in service.
            coverage: Empty coverage of the session.
            mode: live or replay.
            scan: Row of scans.history.
            rule: How a fall is traded.
            told: alert_id and detected_at of the rows that this mode and session have already.
            watched: Symbols that are spoken of; the others are context.
        """
        self.speaker = speaker
        self.coverage = coverage
        self.mode = mode
        self.scan = scan
        self.rule = rule
        self.watched = watched
        self.last_prices: dict[str, float] = {}
        self.n_late_bars = 0
        self._detector = detector
        self._told = set(told["alert_id"])
        self._per_minute = Counter(told["detected_at"])

    def advance(self, minutes: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
        """Return the new rows, without `alerted_at` and `latency_ms`; often none.

        Args:
            minutes: Bars in the columns of bars.minute; of a bar that comes again the first word
                stands, and bars outside the regular session are passed over.
            now: The moment of judging.
        """
        fresh = self.coverage.unseen(minutes)
        if fresh.empty:
            return pd.DataFrame()
        judged_to = self.coverage.newest_close
        if judged_to is not None:
            self.n_late_bars += int((fresh["closes_at"] <= judged_to).sum())
        self.coverage.note(fresh)
        self._note_prices(fresh)
        falls = self._detector.advance(fresh)
        if len(falls):
            falls = falls[falls["symbol"].isin(self.watched)]
        return self._alerts(falls, now) if len(falls) else pd.DataFrame()

    def _note_prices(self, fresh: pd.DataFrame) -> None:
        newest = fresh
        if fresh["closes_at"].nunique() > 1:
            newest = fresh.sort_values("closes_at").drop_duplicates("symbol", keep="last")
        self.last_prices.update(zip(newest["symbol"], newest["close"].tolist(), strict=True))

    def _alerts(self, falls: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
        keys = zip(falls["symbol"], falls["session_date"], falls["rung"], strict=True)
        is_new = [
            alert_id(self.mode, str(symbol), pd.Timestamp(day), float(rung)) not in self._told
            for symbol, day, rung in keys
        ]
        falls = falls[is_new].reset_index(drop=True)
        if falls.empty:
            return pd.DataFrame()
        alerts = build_alerts(
            falls,
            self.speaker.speak(falls),
            self.coverage.reasons(falls, now),
            mode=self.mode,
            scan=self.scan,
            model_version=self.speaker.version,
            rule=self.rule,
            told=self._per_minute,
        )
        self._told.update(alerts["alert_id"])
        self._per_minute.update(alerts["detected_at"])
        return alerts
