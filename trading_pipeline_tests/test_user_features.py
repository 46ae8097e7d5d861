"""Features of a user's own: one file, every check, and errors that say where and what to do."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from trading_pipeline.adapters.feature_module import feature_module_hash, load_feature_module
from trading_pipeline.cli import app
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.registry import catalog_frame, feature_registry
from trading_pipeline.domain.features.selection import select_features
from trading_pipeline.domain.features.windows import window_groups
from trading_pipeline.resources import StageRun
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.docs.features import TARGET
from trading_pipeline_tests.domain.features_market import made_market

SETTINGS = load_settings(environment={})
CONFIG = SETTINGS.features
BUILT_IN = feature_registry(CONFIG)
GUIDE = TARGET.with_name("your-own-features.md")
HEAD = """
import numpy as np
from trading_pipeline.domain.features.registry import Feature

def made(name="mine", compute=lambda panel: panel["return"], **changes):
    fields = dict(family="mine", formula="f", unit="1", lookback_sessions=2, inputs=("close",),
                  source="me", compute=compute)
    return Feature(name=name, **(fields | changes))
"""


@pytest.fixture
def module(tmp_path):
    """Write a module after the usual head; return the features that are added to ours."""

    def write(text, head=HEAD):
        path = tmp_path / "mine.py"
        path.write_text(head + text)
        return str(path)

    return write


def added(path):
    """Return the features that a module adds."""
    return feature_registry(CONFIG, load_feature_module(path))[len(BUILT_IN) :]


def computed(path, n_sessions=420):
    """Return the values of a module's features on the made market."""
    own = added(path)
    return build_daily_features(**made_market(n_sessions=n_sessions), registry=own)


def example():
    """Return the module of the guide."""
    found = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return found[0]


def test_the_example_of_the_guide_adds_its_features_to_catalogue_sweeps_and_selection(module):
    path = module(example(), head="")
    own = added(path)
    names = ["my_low_distance_20", "my_low_distance_60", "rank_my_low_distance_20"]
    assert [feature.name for feature in own] == names
    assert catalog_frame(own)["family"].tolist() == ["mine", "mine", "rank"]
    assert list(window_groups(own)["my_low_distance"]) == ["20", "60"]
    frame = computed(path)
    bars = made_market()["bars"].query("symbol == 'AAA'")
    expected = bars["close"] / bars["low"].rolling(20).min() - 1
    np.testing.assert_allclose(frame.loc[frame["symbol"] == "AAA", names[0]], expected)
    assert frame[names[2]].between(0, 1).sum() > 1000
    label = pd.Series(np.random.default_rng(1).integers(0, 2, len(frame)).astype(float))
    table = select_features(frame, label, None, CONFIG, catalog_frame(own))
    assert table["feature"].tolist() == names


def test_warm_up_is_masked_whatever_compute_says(module):
    frame = computed(module("FEATURES = (made(lookback_sessions=30),)"))
    first = frame.groupby("symbol").head(29)
    assert first["mine"].isna().all()
    assert frame["mine"].notna().any()


def test_a_list_or_a_function_of_the_settings_both_do(module):
    assert len(added(module("FEATURES = [made()]"))) == 1
    grid = "def features(config):\n    return [made(f'mine_{n}') for n in config.rsi_sessions]"
    assert len(added(module(grid))) == len(CONFIG.rsi_sessions)


def test_no_module_adds_nothing():
    assert load_feature_module("") is None
    assert feature_module_hash("") == ""
    assert added("") == ()


REFUSED = {
    "raise ValueError('oops')": "line 9: ValueError: oops",
    "def features(:": "does not run: line 9: SyntaxError",
    "import nowhere_at_all": "does not run.*No module named",
    "raise SystemExit(3)": "does not run.*SystemExit",
    "x = 1": "defines neither",
    "def features(config):\n    return 1 / 0": "raised ZeroDivisionError",
    "def features(config):\n    return 'mine'": "gave str; return a tuple",
    "FEATURES = (made(), 3)": "item 2 is int; make it a Feature",
    "FEATURES = (made('Mine'),)": "'Mine' is no column name",
    "FEATURES = (made('two words'),)": "is no column name",
    "FEATURES = (made('label'),)": "has the name of another column",
    "FEATURES = (made('rsi_14'),)": "'rsi_14' has the name of a built-in feature",
    "FEATURES = (made(), made())": "'mine' is defined twice",
    "FEATURES = (made(lookback_sessions=0),)": "lookback of 0",
    "FEATURES = (made(inputs=()),)": "names no inputs",
    "FEATURES = (made(inputs=('closes',)),)": "reads unknown closes",
    "FEATURES = (made(unit=''),)": "has an empty unit",
    "FEATURES = (made(compute=3),)": "has no function",
    "FEATURES = (made(stage='intraday'),)": "a module adds daily features",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_module_that_breaks_a_rule_is_refused_with_its_path(module, text):
    path = module(text)
    with pytest.raises(InputError, match=REFUSED[text]) as caught:
        added(path)
    assert path in str(caught.value)


FAILING = {
    "lambda panel: panel['nothing']": "raised KeyError: 'nothing'; correct its compute",
    "lambda panel: panel['close'][:5]": r"gave shape \(5,\) for \d+ rows",
    "lambda panel: np.array(['a'] * panel.size)": "gave <U1 values; return numbers",
    "lambda panel: np.multiply(panel['close'], 2, out=panel['close'])": "changed the bars' close",
}


@pytest.mark.parametrize("compute", FAILING)
def test_a_compute_that_fails_names_file_feature_and_remedy(module, compute):
    path = module(f"FEATURES = (made(compute={compute}),)")
    with pytest.raises(InputError, match=FAILING[compute]) as caught:
        computed(path)
    assert f"{path}: feature 'mine'" in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read.*give an existing Python file"):
        load_feature_module(str(tmp_path / "gone.py"))


def test_a_change_of_the_text_changes_the_settings_that_decide_staleness(module):
    path = module("FEATURES = (made(),)")
    config = replace_module(path)
    run = object.__new__(StageRun)
    run.config = config
    before = run.setting("features")
    assert before["module"] == path
    assert before == run.setting("features")
    module("FEATURES = (made(lookback_sessions=3),)")
    assert run.setting("features") != before
    assert feature_registry(config.features, run.feature_module())[-1].lookback_sessions == 3
    assert run.setting("labels") == config.labels.model_dump(mode="json")


def replace_module(path):
    return SETTINGS.model_copy(update={"features": CONFIG.model_copy(update={"module": path})})


def test_a_feature_is_watched_but_otherwise_as_written(module):
    (own,) = added(module("FEATURES = (made(alternative=('mine', '2')),)"))
    assert replace(own, compute=len).alternative == ("mine", "2")
    assert own.stage == "daily"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [("FEATURES = (made(),)", 0, "1 of your own"), ("x = 1", 1, "defines neither")],
)
def test_the_doctor_looks_at_the_module(module, tmp_path, text, code, said):
    command = ["doctor", "--home", str(tmp_path / "home"), "--features", module(text)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == code
    assert said in done.output


def test_a_run_refuses_a_bad_module_before_it_makes_a_home(module, tmp_path):
    home = tmp_path / "home"
    command = ["run", "--home", str(home), "--features", module("FEATURES = (made('rsi_14'),)")]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, InputError)
    assert "built-in" in str(done.exception)
    assert not home.exists()
