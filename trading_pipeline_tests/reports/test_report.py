"""Rules of the report: whole, self-contained, in order, honest about what is missing."""

import re
from functools import lru_cache
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.reports.report import render_report
from trading_pipeline.reports.verdict import verdict_card
from trading_pipeline_tests.reports.payloads import full_payload, verdict_frame

SECTIONS = (
    "verdict", "data", "regimes", "features", "folds", "search", "by-regime", "worth", "holdout",
    "book", "outcomes", "drift", "selloffs", "gate", "run", "provenance",
)  # fmt: skip


@lru_cache(maxsize=1)
def page() -> str:
    return render_report(full_payload())


def bare_page() -> str:
    notes = {"selloffs": "the source has no minute bars"}
    return render_report(ReportPayload(run={"run_id": "r"}, reality=("Simulated.",), notes=notes))


class Shape(HTMLParser):
    """Collects what a page loads and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.links.append(value or "")
            if name == "id":
                self.anchors.append(value or "")


def shape(text: str) -> Shape:
    parser = Shape()
    parser.feed(text)
    return parser


def test_the_sections_come_in_their_order() -> None:
    assert tuple(shape(page()).anchors) == SECTIONS


def test_every_link_stays_inside_the_page() -> None:
    found = shape(page())
    assert all(link.startswith("#") or link == "data:," for link in found.links)
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.anchors)
    assert "script" not in found.tags
    assert "url(" not in page()
    assert "@import" not in page()


def test_the_page_is_under_three_megabytes() -> None:
    assert len(page().encode()) < 3_000_000


def test_the_first_words_say_what_is_real() -> None:
    body = page().split("<body>")[1]
    assert body.strip().startswith('<p class="reality"><strong>What is real:</strong> Daily prices')


def test_the_same_payload_gives_the_same_page() -> None:
    assert render_report(full_payload()) == page()


def test_every_criterion_stands_in_the_gate_section() -> None:
    gate = page().split('<section id="gate"')[1].split("</section>")[0]
    assert gate.count("<tr>") == 1 + len(verdict_frame())
    assert gate.count("✗ failed") == 3
    assert gate.count("✓ passed") == 9
    assert gate.count("? not assessable") == 3


def test_what_could_not_be_told_is_never_zero() -> None:
    scores = full_payload().scores
    crash = scores[scores["regime"] == "crash"]
    text = render_report(ReportPayload(run={}, reality=(), scores=crash))
    row = re.search(r"<tr><td[^>]*>crash.*?</tr>", text, re.DOTALL)
    assert row is not None
    assert row.group().count("not assessable") == 2
    assert "0.000" not in row.group()


def test_only_openings_under_the_protocol_in_force_are_counted() -> None:
    header = page().split("</header>")[0]
    assert "opened 2 times" in header


def test_names_from_the_data_are_escaped() -> None:
    assert "<b>LII</b>" not in page()
    assert "&lt;b&gt;LII&lt;/b&gt;" in page()


def test_a_run_without_any_frame_gives_a_page_with_reasons() -> None:
    text = bare_page()
    assert tuple(shape(text).anchors) == SECTIONS
    assert "Selloffs: the source has no minute bars." in text
    assert "No verdict" in text
    assert "<svg" not in text


@pytest.mark.parametrize(
    ("passed", "verdict", "headline"),
    [
        ([True, True], "promoted", "Proposed for promotion"),
        ([True, False], "rejected", "Rejected"),
        ([True, None], "undecided", "Undecided"),
    ],
)
def test_the_card_says_what_was_decided_and_that_a_human_decides(
    passed: list[bool | None], verdict: str, headline: str
) -> None:
    rows = pd.DataFrame(
        {
            "position": [0, 1],
            "criterion": ["auc", "auc_crash"],
            "value": [0.61, np.nan],
            "threshold": [">= 0.6", ">= 0.50"],
            "is_passed": pd.array(passed, dtype="boolean"),
            "detail": "26 horizons",
        }
    )
    card = verdict_card(verdict, rows)
    assert card.headline == headline
    assert "human" in card.next_step
    assert ("AUC in crash" in card.missing) == (verdict == "undecided")
    assert ("AUC in crash has no value" in card.sentence) == (verdict == "rejected")


def test_the_plain_pair_has_a_sentence_of_its_own() -> None:
    card = verdict_card("rejected", verdict_frame())
    assert card.pair == "AUC 0.514, Sharpe 0.183; required AUC ≥ 0.60 and Sharpe ≥ 0: failed."
    assert "Sharpe" not in card.sentence
