"""scikit-learn parts as skops bytes: equal parts give equal bytes, and only known types are read.

skops names objects by their address in memory and stamps the time on its entries; both are
replaced by running numbers and a fixed date, and bytes that no field of an array uses by zeros,
so that a hash speaks of the part alone.
"""

import io
import json
import re
import zipfile
from typing import Any

import numpy as np

# Every type that may appear in a file; a file that names another is refused before it is read.
TRUSTED_TYPES = frozenset(
    {
        "builtins.bool",
        "builtins.dict",
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.slice",
        "builtins.str",
        "builtins.tuple",
        "numpy.bool",
        "numpy.dtype",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "numpy.uint64",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.LinearSVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.tree._tree.Tree",
    }
)
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"


def skops_bytes(part: object) -> bytes:
    """The part as canonical skops bytes."""
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(part))) as archive:
        schema = archive.read(_SCHEMA).decode()
        arrays = {
            name: _without_padding(archive.read(name))
            for name in archive.namelist()
            if name != _SCHEMA
        }
    # Ids appear in the schema as "__id__": N and as "N.npy", in the order of the object's fields.
    order = dict.fromkeys(re.findall(r'"__id__": (\d+)|"(\d+)\.npy"', schema))
    numbers: dict[str, str] = {}
    for pair in order:
        numbers.setdefault(pair[0] or pair[1], str(len(numbers) + 1))
    schema = re.sub(r'("__id__": )(\d+)', lambda m: m[1] + numbers[m[2]], schema)
    schema = re.sub(r'"(\d+)(\.npy")', lambda m: '"' + numbers[m[1]] + m[2], schema)
    renamed = {numbers[name.removesuffix(".npy")] + ".npy": v for name, v in arrays.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(renamed):
            archive.writestr(zipfile.ZipInfo(name, _FIXED_DATE), renamed[name])
        archive.writestr(zipfile.ZipInfo(_SCHEMA, _FIXED_DATE), schema)
    return buffer.getvalue()


def part_from_skops(content: bytes) -> Any:
    """Read what ``skops_bytes`` wrote.

    Raises ValueError where the file names a type outside ``TRUSTED_TYPES``.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
    unknown = sorted(_types_in(schema) - TRUSTED_TYPES)
    if unknown:
        raise ValueError(f"refused a model file that names the types {', '.join(unknown)}")
    return skops.io.loads(content, trusted=sorted(TRUSTED_TYPES))


def _without_padding(content: bytes) -> bytes:
    """An array's file; between the fields of a tree's nodes lies what was in memory before."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, dtype=array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _types_in(node: object) -> set[str]:
    """Every ``module.class`` named anywhere in a skops schema."""
    if isinstance(node, list):
        return set().union(*(_types_in(item) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*(_types_in(item) for item in node.values()))
    if "__class__" in node and "__module__" in node:
        found.add(f"{node['__module__']}.{node['__class__']}")
    return found
