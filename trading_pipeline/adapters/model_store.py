"""Model files in native formats under `models/<model_version>/`, with a manifest of hashes.

Nothing is unpickled: a member is bytes, and its bytes are checked before anyone parses them.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.adapters.partitions import sync_file, sync_folder
from trading_pipeline.contracts.errors import InputError

_FOLDER = "models"
_MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class MemberFile:
    """One stored file: `path` is relative to the home, `n_bytes` its size."""

    member: str
    path: str
    sha256: str
    n_bytes: int


def save_members(
    home: Path, model_version: str, members: Mapping[str, tuple[str, bytes]]
) -> list[MemberFile]:
    """Store a model's members, `{name: (suffix, bytes)}`, as one folder that appears whole.

    A model version names its content: saving the same members again changes nothing.

    Raises ValueError for a name that is no plain file name, and InputError where the version is
    already stored with other bytes.
    """
    for name in (model_version, *(f"{name}{suffix}" for name, (suffix, _) in members.items())):
        if not _NAME.fullmatch(name) or name == _MANIFEST:
            raise ValueError(f"{name!r} cannot be a file name of the model store")
    final = home / _FOLDER / model_version
    files = [
        MemberFile(
            name,
            f"{_FOLDER}/{model_version}/{name}{suffix}",
            hashlib.sha256(content).hexdigest(),
            len(content),
        )
        for name, (suffix, content) in sorted(members.items())
    ]
    manifest = _manifest_text(files)
    if final.exists():
        _refuse_other_content(final, manifest)
        load_members(home, model_version)
        return files
    draft = final.with_name(f".draft-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    draft.mkdir(parents=True)
    try:
        for name, (suffix, content) in members.items():
            _write(draft / f"{name}{suffix}", content)
        _write(draft / _MANIFEST, manifest.encode())
        sync_folder(draft)
        os.rename(draft, final)
        sync_folder(final.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return files


def load_members(home: Path, model_version: str) -> dict[str, tuple[str, bytes]]:
    """Return a model's members, `{name: (suffix, bytes)}`, each checked against the manifest.

    Raises InputError where the model is missing, incomplete, or a byte of it has changed.
    """
    folder = home / _FOLDER / model_version
    remedy = "train again, or restore the folder from a backup"
    try:
        listed = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["members"]
        members = {}
        for entry in listed:
            if not _NAME.fullmatch(entry["file"]):
                raise ValueError(f"{entry['file']!r} is no plain file name")
            content = (folder / entry["file"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                raise InputError(f"{folder / entry['file']} differs from its manifest; {remedy}")
            name = str(entry["member"])
            members[name] = (entry["file"].removeprefix(name), content)
    except FileNotFoundError as error:
        raise InputError(f"model file {error.filename} does not exist; {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the manifest of {folder} cannot be read ({error}); {remedy}") from None
    return members


def _manifest_text(files: list[MemberFile]) -> str:
    entries = [
        {
            "member": file.member,
            "file": Path(file.path).name,
            "sha256": file.sha256,
            "n_bytes": file.n_bytes,
        }
        for file in files
    ]
    return json.dumps({"members": entries}, indent=2, sort_keys=True) + "\n"


def _refuse_other_content(final: Path, manifest: str) -> None:
    path = final / _MANIFEST
    if not path.exists() or path.read_text(encoding="utf-8") != manifest:
        raise InputError(
            f"{final} holds another model under this version; move it away and train again"
        )


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    sync_file(path)
