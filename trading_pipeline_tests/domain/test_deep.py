"""The recurrent network reads lookbacks as a sequence, and needs PyTorch for its fit alone."""

import subprocess
import sys

import numpy as np
import pytest

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.ensemble import fitting
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.sweeps import deep
from trading_pipeline.domain.sweeps.learners import learner_from_bytes, new_learner
from trading_pipeline.domain.sweeps.spaces import default_candidate
from trading_pipeline_tests.pipeline.homes import ROOT, call, environment

COLUMNS = ("is_half_day", "return_20", "return_5", "return_60", "rsi_14", "ROC5", "ROC60",
           "momentum_12_1", "momentum_12_7")  # fmt: skip
PARAMS = default_candidate("gru", {}).params


def rows(n=2_000, seed=0):
    """Columns of which one measure turned: the label is in its newest against its oldest step."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, len(COLUMNS))).astype(np.float32)
    newest, oldest = X[:, COLUMNS.index("return_5")], X[:, COLUMNS.index("return_60")]
    y = (newest * oldest + 0.3 * rng.normal(size=n) > 0).astype(np.int8)
    return X, y, np.ones(n, np.float32)


def fitted(columns=COLUMNS, rounds=12, n=2_000, **params):
    pytest.importorskip("torch", reason="PyTorch is not installed: the extra `deep`")
    model = new_learner("gru", {**PARAMS, **params}, seed=3, threads=1, columns=columns)
    return model.fit(*rows(n), rounds=rounds)


def test_steps_are_lookbacks_from_the_longest_to_the_shortest_and_channels_are_measures():
    place = dict(zip(COLUMNS, map(tuple, deep.layout_of(COLUMNS).tolist()), strict=True))
    assert place["return_60"] == (0, 1)
    assert place["return_20"] == (1, 1)
    assert place["return_5"] == (2, 1)
    assert place["ROC60"] == (0, 0)
    assert place["ROC5"] == (2, 0)
    # One lookback, two in one name, or none: no sequence.
    for name in ("rsi_14", "momentum_12_1", "momentum_12_7", "is_half_day"):
        assert place[name] == (-1, -1)


def test_columns_that_share_no_measure_are_one_step():
    assert deep.layout_of(["a_5", "b_5", "c"]).tolist() == [[0, 0], [0, 1], [0, 2]]


def test_a_measure_beside_its_sector_is_a_measure_of_its_own():
    names = ["return_20", "return_60", "return_20_to_sector", "return_60_to_sector"]
    assert deep.layout_of(names).tolist() == [[1, 0], [0, 0], [1, 1], [0, 1]]


def test_the_network_finds_what_only_two_steps_together_tell():
    X, y, _ = rows(n=1_000, seed=5)
    model = fitted(rounds=20, n=5_000, learning_rate=0.02)
    assert auc(model.predict(X), y) > 0.8
    # The columns' names act: without them there is no sequence.
    assert not np.array_equal(fitted().predict(X), fitted(columns=()).predict(X))


def test_a_file_is_asked_without_pytorch_and_predicts_the_same_bits(tmp_path):
    X, *_ = rows(n=50, seed=9)
    model = fitted()
    path = tmp_path / "gru.skops"
    path.write_bytes(model.to_bytes()[1])
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from trading_pipeline.domain.sweeps.learners import learner_from_bytes\n"
        f"model = learner_from_bytes('gru', Path({str(path)!r}).read_bytes(), threads=1)\n"
        f"np.save({str(tmp_path / 'p.npy')!r}, model.predict(np.load({str(tmp_path / 'X.npy')!r})))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=True)
    assert np.array_equal(np.load(tmp_path / "p.npy"), model.predict(X))
    again = learner_from_bytes("gru", path.read_bytes(), threads=1)
    assert again.to_bytes() == model.to_bytes()


def test_asked_by_numpy_the_network_says_what_the_library_would():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    X, *_ = rows(n=50, seed=9)
    model = fitted()
    gru, head = deep._modules(model.state["network"])
    sequence, steady = model._parts(model._standard(X))
    with torch.no_grad():
        _, last = gru(torch.from_numpy(sequence.astype(np.float32)))
        seen = torch.cat([last[0], torch.from_numpy(steady.astype(np.float32))], 1)
        expected = torch.sigmoid(head(seen))[:, 0].numpy()
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-6)


def test_a_fit_leaves_the_librarys_own_state_as_it_was():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    before = torch.random.get_rng_state(), torch.get_num_threads()
    first = fitted().to_bytes()
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    torch.set_num_threads(2)
    try:
        assert fitted().to_bytes() == first
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.equal(torch.random.get_rng_state(), state)
    finally:
        torch.set_num_threads(before[1])
        torch.random.set_rng_state(before[0])


def test_without_pytorch_a_run_that_wants_it_is_refused_before_anything_is_written(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(fitting, "has_torch", lambda: False)
    fitting.check_learners(("lightgbm", "mlp"))
    with pytest.raises(InputError, match=r"trading-pipeline\[deep\]"):
        fitting.check_learners(("lightgbm", "gru"))
    if deep.has_torch():
        pytest.skip("PyTorch is installed here: the command line has nothing to refuse")
    home = tmp_path / "home"
    done = call("run", "--home", home, TRADING_PIPELINE_SWEEPS__LEARNERS='["lightgbm", "gru"]')
    assert done.returncode == 2
    assert "trading-pipeline[deep]" in done.stderr + done.stdout
    assert not home.exists()


def test_pytorch_is_not_imported_where_no_network_is_fitted():
    code = (
        "import sys, numpy as np\n"
        "from trading_pipeline.definitions import build_definitions\n"
        "from pathlib import Path\n"
        "build_definitions(Path('nowhere'))\n"
        "from trading_pipeline.domain.sweeps.learners import new_learner\n"
        "from trading_pipeline.domain.sweeps.spaces import default_candidate\n"
        "X = np.arange(40, dtype=np.float32).reshape(20, 2)\n"
        "model = new_learner('mlp', default_candidate('mlp', {}).params, seed=1, threads=1)\n"
        "model.fit(X, np.tile([0, 1], 10).astype(np.int8), np.ones(20, np.float32), rounds=1)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=True)
