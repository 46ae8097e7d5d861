"""A model is read only if every byte is the one that was stored."""

import pytest

from trading_pipeline.adapters.model_store import load_members, save_members
from trading_pipeline.contracts.errors import InputError

MEMBERS = {"lightgbm": (".txt", b"tree\n"), "meta": (".skops", bytes(range(256)))}


def test_members_come_back_byte_for_byte(tmp_path):
    files = save_members(tmp_path, "v1", MEMBERS)
    assert [file.path for file in files] == ["models/v1/lightgbm.txt", "models/v1/meta.skops"]
    assert [file.n_bytes for file in files] == [5, 256]
    assert load_members(tmp_path, "v1") == MEMBERS
    assert save_members(tmp_path, "v1", MEMBERS) == files
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["v1"]


@pytest.mark.parametrize("content", [b"trex\n", b"", b"tree\n "])
def test_a_changed_byte_is_refused(tmp_path, content):
    save_members(tmp_path, "v1", MEMBERS)
    (tmp_path / "models/v1/lightgbm.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"lightgbm\.txt differs"):
        load_members(tmp_path, "v1")
    with pytest.raises(InputError, match=r"lightgbm\.txt differs"):
        save_members(tmp_path, "v1", MEMBERS)


def test_a_missing_model_member_or_manifest_is_named(tmp_path):
    with pytest.raises(InputError, match=r"v1/manifest\.json does not exist"):
        load_members(tmp_path, "v1")
    save_members(tmp_path, "v1", MEMBERS)
    (tmp_path / "models/v1/meta.skops").unlink()
    with pytest.raises(InputError, match=r"meta\.skops does not exist"):
        load_members(tmp_path, "v1")
    (tmp_path / "models/v1/manifest.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        load_members(tmp_path, "v1")


def test_a_version_names_one_content(tmp_path):
    save_members(tmp_path, "v1", MEMBERS)
    with pytest.raises(InputError, match="another model"):
        save_members(tmp_path, "v1", {"lightgbm": (".txt", b"other")})
    assert load_members(tmp_path, "v1") == MEMBERS


@pytest.mark.parametrize("version", ["../v1", "a/b", "", ".hidden"])
def test_a_version_is_a_plain_name(tmp_path, version):
    with pytest.raises(ValueError, match="cannot be a file name"):
        save_members(tmp_path, version, MEMBERS)


def test_a_manifest_cannot_point_outside_its_folder(tmp_path):
    save_members(tmp_path, "v1", MEMBERS)
    manifest = tmp_path / "models/v1/manifest.json"
    manifest.write_text(manifest.read_text().replace("lightgbm.txt", "../../secret"))
    with pytest.raises(InputError, match="cannot be read"):
        load_members(tmp_path, "v1")
