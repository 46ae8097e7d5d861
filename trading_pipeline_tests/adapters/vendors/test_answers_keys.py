"""Keys come from the environment's variables and appear in headers only, never in a message."""

import json
from urllib.parse import quote

import pytest

from trading_pipeline.adapters.vendors import VENDORS
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import PAGE_COLUMNS
from trading_pipeline_tests.adapters.vendors.vendor_answers import (
    CONFIG,
    KEYS,
    refusal,
    vendor,
    wanted,
)


def test_keys_stand_where_the_vendor_wants_them():
    assert vendor("alpaca").secrets() == {
        "APCA-API-KEY-ID": KEYS["APCA_API_KEY_ID"],
        "APCA-API-SECRET-KEY": KEYS["APCA_API_SECRET_KEY"],
    }
    assert vendor("massive").secrets() == {"Authorization": "Bearer massive-secret-789"}
    assert vendor("fred").secret_params() == {"api_key": KEYS["FRED_API_KEY"]}
    assert vendor("cboe", {}).secrets() == {}
    other = {"ALPACA_API_KEY": "A1", "ALPACA_SECRET_KEY": " B2\n", "POLYGON_API_KEY": "P3"}
    assert list(vendor("alpaca", other).secrets().values()) == ["A1", "B2"]
    assert vendor("massive", other).secrets() == {"Authorization": "Bearer P3"}


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        ("alpaca", {}, "APCA_API_KEY_ID or ALPACA_API_KEY"),
        ("alpaca", {"APCA_API_KEY_ID": "x"}, "APCA_API_SECRET_KEY or ALPACA_SECRET_KEY"),
        ("massive", {"MASSIVE_API_KEY": "  "}, "MASSIVE_API_KEY or POLYGON_API_KEY"),
        ("fred", {}, "FRED_API_KEY"),
    ],
)
def test_a_missing_key_is_named_by_its_variables(name, keys, words):
    asked = vendor(name, keys)
    with pytest.raises(InputError, match=words):
        asked.secret_params() if name == "fred" else asked.secrets()


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key):
    with pytest.raises(InputError, match="MASSIVE_API_KEY") as caught:
        vendor("massive", {"MASSIVE_API_KEY": key}).secrets()
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "form", [str, lambda key: quote(key, safe=""), lambda key: key + "!" * 400]
)
@pytest.mark.parametrize(
    ("name", "dataset", "variable"),
    [
        ("alpaca", "daily", "APCA_API_SECRET_KEY"),
        ("alpaca", "daily", "APCA_API_KEY_ID"),
        ("massive", "daily", "MASSIVE_API_KEY"),
        ("fred", "macro", "FRED_API_KEY"),
    ],
)
def test_a_message_never_shows_a_key_even_where_the_answer_repeats_it(
    name, dataset, variable, form
):
    key = KEYS[variable]
    asked = wanted(name, dataset)
    for body in (
        form(key).encode(),
        json.dumps({"status": form(key), "error": f"the key {form(key)} is unknown"}).encode(),
        # The cut at 200 characters must not leave half of it.
        b" " * (200 - len(key) // 2) + form(key).encode(),
    ):
        message = refusal(asked, body)
        assert key[: len(key) // 2] not in message
        assert quote(key, safe="")[: len(key) // 2] not in message


def test_every_vendor_can_be_made_and_offers_known_datasets():
    for name in VENDORS:
        made = vendor(name)
        assert made.name == name
        assert made.datasets <= set(PAGE_COLUMNS)
        assert made.base_url == getattr(CONFIG, name).base_url
        assert not any(key in repr(vars(made).get("datasets")) for key in KEYS.values())
    with pytest.raises(InputError, match="choose among alpaca, massive, fred, cboe"):
        vendor("yahoo")
