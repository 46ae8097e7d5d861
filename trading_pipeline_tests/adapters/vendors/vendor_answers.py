"""Bodies of vendors' answers for the tests of parsers: real samples, and small made ones."""

import json
from datetime import date
from pathlib import Path

import pytest

from trading_pipeline.adapters.vendors import vendor_of
from trading_pipeline.contracts.errors import VendorAnswerError
from trading_pipeline.contracts.vendors import Call, Wanted
from trading_pipeline.settings import load_settings

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "vendor_samples"
KEYS = {
    "APCA_API_KEY_ID": "PKSECRETID123",
    "APCA_API_SECRET_KEY": "alpaca/secret+456",
    "MASSIVE_API_KEY": "massive-secret-789",
    "FRED_API_KEY": "fredsecret0123456789",
}
CONFIG = load_settings(environment={}).vendors


def vendor(name, keys=KEYS):
    return vendor_of(name, CONFIG, keys)


def sample(name):
    """Return the body of a stored answer; `name` may hold a star for a long ending."""
    found = sorted(SAMPLES.glob(name))
    if not found:
        pytest.skip(f"needs ../shared/vendor_samples/{name}")
    content = json.loads(found[0].read_text())
    return json.dumps(content.get("body", content)).encode()


def wanted(name, dataset, symbols="AAPL", start="2022-01-01", end="2022-12-31"):
    listed = tuple(filter(None, symbols.split(",")))
    return Wanted(name, dataset, listed, date.fromisoformat(start), date.fromisoformat(end))


def parse(request, body, call=None):
    """Parse a body (bytes, or an object to be written as JSON) as the answer to a request."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    asked = vendor(request.vendor)
    return asked.parse(request, call or asked.first_call(request), body)


def refusal(request, body, call=None):
    """Return the message with which a body is refused."""
    with pytest.raises(VendorAnswerError) as caught:
        parse(request, body, call)
    message = str(caught.value)
    assert "\n" not in message
    return message


def params(call):
    return dict(call.params)


def plain(frame):
    """Return rows as tuples, times as text, missing values as None."""
    texts = frame.astype(object).where(frame.notna(), None)
    return [
        tuple(str(v) if hasattr(v, "isoformat") else v for v in row)
        for row in texts.itertuples(index=False, name=None)
    ]


def path_call(path, *pairs):
    return Call(path, pairs)
