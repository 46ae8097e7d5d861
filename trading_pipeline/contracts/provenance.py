"""Where the rows of a table came from: the versions behind every write."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provenance:
    """Versions behind one write.

    The first four are stored beside every row; the rest only in the ledger
    `provenance.materializations`. `seconds` is the wall time of the computation.
    """

    run_id: str
    code_version: str
    data_version: str
    config_version: str
    inputs_version: str
    seconds: float = 0.0
    metadata_json: str = "{}"


@dataclass(frozen=True, slots=True)
class Materialization:
    """The newest write of one table, as the ledger holds it."""

    asset: str
    inputs_version: str
    code_version: str
    config_version: str
    content_hash: str
    n_rows: int
    metadata_json: str
    seconds: float
    run_id: str
