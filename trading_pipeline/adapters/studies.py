"""Studies that outlive a process: journal files under the home, or a PostgreSQL server.

A study holds the trials of one unfinished search; it is dropped when the search's table is
written. The home's lock says that nobody else writes to it.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trading_pipeline.contracts.config import SweepsConfig
from trading_pipeline.contracts.errors import InputError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

FOLDER = "sweeps"
SUFFIX = ".journal"


class Studies:
    """The studies of one asset, named by what their searches depend on."""

    def __init__(
        self, home: Path, asset: str, config: SweepsConfig, server: Callable[[], str]
    ) -> None:
        self._folder = home / FOLDER / asset
        # One server may serve many homes.
        owner = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:8]
        self._prefix = f"{owner}/{asset}/"
        self._is_server = config.storage == "postgresql"
        self._server = server
        self._storage: BaseStorage | None = None

    def open(self, key: str) -> "Study":
        """Return the study of a key as a killed process left it, else a new one.

        Raises InputError where the server is not named or does not answer.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if not self._is_server:
            return optuna.create_study(
                study_name=key,
                storage=_journal(self._folder / f"{key}{SUFFIX}"),
                direction="maximize",
                load_if_exists=True,
            )
        return optuna.create_study(
            study_name=self._prefix + key,
            storage=self._connected(),
            direction="maximize",
            load_if_exists=True,
        )

    def drop(self, but: frozenset[str] = frozenset()) -> None:
        """Remove the asset's studies but those of some keys."""
        self._drop_journals(but)
        if self._is_server:
            storage = self._connected()
            for study in storage.get_all_studies():
                name = study.study_name
                if name.startswith(self._prefix) and name.removeprefix(self._prefix) not in but:
                    storage.delete_study(study._study_id)

    def _drop_journals(self, but: frozenset[str]) -> None:
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            if path.name.split(SUFFIX)[0] not in but:
                path.unlink()
        for folder in (self._folder, self._folder.parent):
            if not any(folder.iterdir()):
                folder.rmdir()

    def _connected(self) -> "BaseStorage":
        if self._storage is None:
            self._storage = _on_server(self._server())
        return self._storage


def _journal(path: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path.parent.mkdir(parents=True, exist_ok=True)
    # A killed process leaves its lock, and the line it was writing, behind.
    path.with_name(path.name + ".lock").unlink(missing_ok=True)
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
    return JournalStorage(JournalFileBackend(str(path)))


def _on_server(address: str) -> "BaseStorage":
    from optuna.storages import RDBStorage

    if not address:
        raise InputError(
            "sweeps.storage is postgresql and no server is named; set TRADING_PIPELINE_SWEEPS_URL "
            "to postgresql+psycopg://user:password@host/database, or sweeps.storage to journal"
        )
    try:
        return RDBStorage(address, engine_kwargs={"pool_pre_ping": True})
    except ImportError:
        raise InputError(
            "the driver of the sweeps' server is not installed; "
            "install the extra trading-pipeline[postgresql]"
        ) from None
    except Exception as error:
        # The library's words may hold the address, and so the password.
        raise InputError(
            f"the sweeps' server cannot be used ({type(error).__name__}); "
            "check TRADING_PIPELINE_SWEEPS_URL and that the server answers"
        ) from None
