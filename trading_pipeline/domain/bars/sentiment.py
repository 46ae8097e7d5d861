"""Sentiment of short texts: what a scorer is, and the one that is used unless another is given."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

GIVEN = "given"


class SentimentScorer(Protocol):
    """Scores texts, the same text always the same; `model` names it with its version."""

    model: str

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the sentiment of each text, -1 worst to 1 best, shape (n_texts,)."""


class VaderScorer:
    """The lexicon and rules of VADER, made for headlines and posts in English; no network.

    Source: Hutto and Gilbert (2014), the package vaderSentiment with its own lexicon.
    """

    def __init__(self) -> None:
        from importlib.metadata import version

        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self.model = f"vader-{version('vaderSentiment')}"
        self._analyzer = SentimentIntensityAnalyzer()

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the compound score of each text; 0 where no word is in the lexicon."""
        scores = [self._analyzer.polarity_scores(text)["compound"] for text in texts]
        return np.array(scores, dtype="float64")


def with_sentiment(
    rows: pd.DataFrame, text: str, scorer: SentimentScorer | None = None
) -> pd.DataFrame:
    """Return the rows with `sentiment` filled from the column `text`, and `sentiment_model`.

    A given sentiment is kept, model "given". A row without sentiment and text has neither
    sentiment nor model. Equal texts are scored once. `scorer` None: VADER.
    """
    given = rows["sentiment"].to_numpy("float64")
    model = np.full(len(rows), None, dtype=object)
    model[~np.isnan(given)] = GIVEN
    wanted = np.isnan(given) & rows[text].notna().to_numpy()
    sentiment = given.copy()
    if wanted.any():
        scorer = scorer if scorer is not None else VaderScorer()
        number, distinct = pd.factorize(rows[text].to_numpy(dtype=object)[wanted])
        sentiment[wanted] = np.clip(scorer.score(list(distinct)), -1.0, 1.0)[number]
        model[wanted] = scorer.model
    return rows.assign(sentiment=sentiment, sentiment_model=model)
