"""Writes a market folder, whole or not at all, so that a made market is read like any other."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.adapters.market_manifest import MANIFEST_NAME, Manifest
from trading_pipeline.contracts.errors import InputError


def write_market_folder(
    target: Path,
    tables: Mapping[str, pd.DataFrame],
    manifest: Mapping[str, Any],
    *,
    replace: bool = False,
) -> Path:
    """Write the tables as Parquet with their `market.toml`, and return `target`.

    Args:
        target: Folder to make; its parent is made where missing.
        tables: Frames by name inside the folder without ending: `daily/equities`, `minute/m1`,
            `quotes/m1`, `vix`, `sectors`, `corporate_actions`, `universe`; columns of the market
            folder contract. An empty frame is left out.
        manifest: Content of `market.toml`: index_symbol, vendor_order and per file (with the
            ending .parquet) vendor, interval, prices, kind, simulated. Entries of frames left
            out are left out too.
        replace: Put it in the place of an existing folder.

    Raises:
        InputError: `target` exists and is not to be replaced, or cannot be written.
    """
    if target.exists() and not replace:
        raise InputError(f"{target} exists; give another folder or remove it")
    written = {f"{name}.parquet": frame for name, frame in tables.items() if len(frame)}
    entries = {name: entry for name, entry in manifest.get("files", {}).items() if name in written}
    content = {**manifest, "files": entries}
    Manifest.model_validate(content)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        for name, frame in written.items():
            path = partial / name
            path.parent.mkdir(exist_ok=True)
            frame.to_parquet(path, index=False, compression="zstd")
        (partial / MANIFEST_NAME).write_text(manifest_text(content), encoding="utf-8")
        _put(partial, target)
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error}); give a writable folder") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def market_tables(market: Any) -> dict[str, pd.DataFrame]:
    """Return the frames of a simulated market by their names inside the folder."""
    return {
        "daily/bars": market.daily,
        "minute/bars": market.minute,
        "quotes/quotes": market.quotes,
        "vix": market.vix,
        "sectors": market.sectors,
        "corporate_actions": market.corporate_actions,
        "universe": market.universe,
    }


def manifest_text(content: Mapping[str, Any]) -> str:
    """Return `market.toml` for a mapping with scalars, lists and the table `files`."""
    lines = [f"{key} = {_toml(value)}" for key, value in content.items() if key != "files"]
    for name, entry in content["files"].items():
        lines += ["", f"[files.{json.dumps(name)}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    # JSON's strings, numbers, booleans and flat lists are TOML's.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _put(partial: Path, target: Path) -> None:
    """Rename the finished folder into place; an old one is moved aside first, then removed."""
    if not target.exists():
        partial.rename(target)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    target.rename(old)
    partial.rename(target)
    shutil.rmtree(old)
