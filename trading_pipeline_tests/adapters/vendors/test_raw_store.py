"""Raw answers are kept as they came, once each, and a kill costs no more than the line it tore."""

import gzip
import hashlib
import multiprocessing
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.adapters.vendors.raw_store import Answered, RawStore, ledger_frame
from trading_pipeline.contracts.errors import VendorError, WarehouseBusyError
from trading_pipeline.contracts.vendors import Call, Wanted

WANTED = Wanted("alpaca", "minute", ("AAA", "BBB"), date(2024, 1, 1), date(2024, 1, 31))
AT = datetime(2024, 3, 1, 12, tzinfo=UTC)
NEXT = Call("/v2/stocks/bars", (("symbols", "AAA,BBB"), ("page_token", "t=1&x")))


def page(store, number=0, *, is_last=True, wanted=WANTED, body=b"{}", at=AT):
    """Store a page and return it."""
    answered = Answered(
        wanted, Call("/v2/stocks/bars"), number, 200, store.store_body(body), len(body), 7,
        at + timedelta(seconds=number), None if is_last else NEXT,
    )  # fmt: skip
    store.record(answered)
    return answered


@pytest.fixture
def store(tmp_path):
    return RawStore(tmp_path)


def test_what_is_recorded_is_read_back_the_same(store):
    first = page(store, is_last=False, body=b'{"rows": 1}')
    second = page(store, 1, body="{“ä”: 2}".encode())
    assert store.answered() == [first, second]
    assert [body for _, body in store.pages("alpaca", "minute")] == [
        b'{"rows": 1}',
        "{“ä”: 2}".encode(),
    ]
    assert list(store.pages("alpaca", "daily")) == []


def test_equal_bodies_are_stored_once_and_the_same_in_every_home(tmp_path):
    stores = [RawStore(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        page(store)
        page(store)
    files = [list((store.folder / "pages").rglob("*.gz")) for store in stores]
    assert [len(found) for found in files] == [1, 1]
    assert files[0][0].read_bytes() == files[1][0].read_bytes()
    name = hashlib.sha256(b"{}").hexdigest()
    assert files[0][0].relative_to(stores[0].folder).as_posix() == (
        f"pages/{name[:2]}/{name}.json.gz"
    )


@given(cut=st.integers(1, 400))
def test_a_torn_last_line_is_ignored_and_repaired(tmp_path_factory, cut):
    store = RawStore(tmp_path_factory.mktemp("home"))
    first = page(store, is_last=False)
    whole = store.ledger.read_bytes()
    page(store, 1)
    torn = store.ledger.read_bytes()
    store.ledger.write_bytes(torn[: min(len(whole) + cut, len(torn) - 1)])
    assert store.answered() == [first]
    again = page(store, 1)
    assert store.answered() == [first, again]
    assert store.ledger.read_bytes() == torn


def test_a_damaged_line_within_the_ledger_is_named(store):
    page(store)
    page(store)
    lines = store.ledger.read_bytes().splitlines(keepends=True)
    store.ledger.write_bytes(lines[0][:40] + b"\n" + lines[1])
    with pytest.raises(VendorError, match=r"line 1 of .*requests\.jsonl.*remove the line"):
        store.answered()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "cannot be read"),
        (lambda path: path.write_bytes(b"no gzip"), "cannot be read"),
        (lambda path: path.write_bytes(gzip.compress(b"other")), "does not hold what its name"),
    ],
)
def test_a_damaged_page_is_named_with_its_remedy(store, damage, complaint):
    answered = page(store, body=b'{"bars": {}}')
    (path,) = (store.folder / "pages").rglob("*.gz")
    damage(path)
    with pytest.raises(VendorError, match=complaint) as caught:
        store.body(answered)
    assert str(path) in str(caught.value)
    assert "ingest again" in str(caught.value)


def test_chains_are_open_until_their_last_page(store):
    page(store, is_last=False)
    page(store, 1, is_last=False)
    other = Wanted("alpaca", "minute", ("CCC",), WANTED.start, WANTED.end)
    page(store, wanted=other)
    (opened,) = store.open_chains("alpaca", "minute")
    assert (opened.wanted, len(opened.pages), opened.begun_at) == (WANTED, 2, AT)
    assert opened.pages[-1].next_call == NEXT
    assert [chain.wanted for chain in store.completed("alpaca", "minute")] == [other]
    page(store, 2)
    assert store.open_chains("alpaca", "minute") == []
    assert len(store.completed("alpaca", "minute")) == 2


def test_a_chain_begun_anew_replaces_the_open_one(store):
    page(store, is_last=False)
    page(store, at=AT + timedelta(days=1))
    assert store.open_chains("alpaca", "minute") == []
    (done,) = store.completed("alpaca", "minute")
    assert done.begun_at == AT + timedelta(days=1)


def test_a_page_without_the_one_before_it_is_refused(store):
    page(store, is_last=False)
    page(store, 2)
    with pytest.raises(VendorError, match=r"page 2 of .* does not follow"):
        store.chains()


def hold(home, vendor, is_held, may_end):
    with RawStore(home).fetching(vendor):
        is_held.set()
        may_end.wait(30)


def test_two_processes_never_ask_one_vendor_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    is_held, may_end = context.Event(), context.Event()
    child = context.Process(target=hold, args=(tmp_path, "alpaca", is_held, may_end))
    child.start()
    try:
        assert is_held.wait(30)
        store = RawStore(tmp_path)
        with pytest.raises(WarehouseBusyError, match="alpaca"), store.fetching("alpaca"):
            pass
        with store.fetching("massive"):
            pass
    finally:
        may_end.set()
        child.join(30)
    with store.fetching("alpaca"):
        pass


def test_the_ledger_becomes_a_table_whose_hash_knows_no_clock(store, warehouse, provenance):
    page(store, is_last=False)
    page(store, 1)
    warehouse.replace("bars.requests", ledger_frame(store), provenance)
    rows = warehouse.read("select * from bars.requests order by request")
    assert rows.symbols.tolist() == ["AAA,BBB", "AAA,BBB"]
    assert rows.page.tolist() == [0, 1]
    assert rows.is_last.tolist() == [False, True]
    assert rows.n_bytes.tolist() == [2, 2]
    before = warehouse.content_hash("bars.requests")
    later = ledger_frame(store).assign(fetched_at=lambda f: f.fetched_at + timedelta(days=1))
    warehouse.replace("bars.requests", later, provenance)
    assert warehouse.content_hash("bars.requests") == before
    warehouse.replace("bars.requests", later.assign(n_rows=8), provenance)
    assert warehouse.content_hash("bars.requests") != before


def test_an_empty_ledger_is_an_empty_table(store, warehouse, provenance):
    warehouse.replace("bars.requests", ledger_frame(store), provenance)
    assert warehouse.read("select * from bars.requests").empty
