"""The directory of advisories: what is asked of it, what changes in it, and what cannot be read."""

import json
from pathlib import Path

import pytest

from penstock.adapters.advisories.osv import OsvDirectory
from penstock.core.dependencies.advisories import NotCovered
from penstock.core.dependencies.facts import Ecosystem

LEFT, RIGHT, GEM = (Ecosystem.NPM, "left"), (Ecosystem.NPM, "right"), (Ecosystem.RUBYGEMS, "left")


def write(path: Path, name: str, package: str = "left", **more: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"package": {"ecosystem": "npm", "name": package}, "versions": ["1.0.0"]}
    path.write_text(json.dumps({"id": name, "affected": [about], **more}))


def ids(directory: OsvDirectory, package: tuple[Ecosystem, str]) -> tuple[str, ...] | str:
    found = directory.about(frozenset({package}))[package]
    return found.reason if isinstance(found, NotCovered) else tuple(advisory.id for advisory in found)


def test_advisories_are_found_at_any_depth_by_package(tmp_path: Path):
    write(tmp_path / "npm" / "A-1.json", "A-1")
    write(tmp_path / "npm" / "deep" / "A-2.json", "A-2")
    write(tmp_path / "A-3.json", "A-3", "right")
    (tmp_path / "README.md").write_text("not one")
    directory = OsvDirectory(str(tmp_path))
    assert ids(directory, LEFT) == ("A-1", "A-2")
    assert ids(directory, RIGHT) == ("A-3",)
    assert ids(directory, (Ecosystem.NPM, "other")) == ()


def test_an_ecosystem_without_advisories_is_not_covered(tmp_path: Path):
    write(tmp_path / "A-1.json", "A-1")
    assert "has no advisory of RubyGems" in ids(OsvDirectory(str(tmp_path)), GEM)


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_without_a_folder_nothing_is_covered(tmp_path: Path, folder: str):
    said = ids(OsvDirectory(str(tmp_path / folder) if folder else ""), LEFT)
    assert "no database is configured" in said or "cannot be read" in said


def test_what_comes_changes_and_goes_is_noticed(tmp_path: Path):
    directory = OsvDirectory(str(tmp_path))
    write(tmp_path / "A-1.json", "A-1")
    assert ids(directory, LEFT) == ("A-1",)
    write(tmp_path / "A-2.json", "A-2")
    write(tmp_path / "A-1.json", "A-1", withdrawn="2024-01-01T00:00:00Z")
    assert ids(directory, LEFT) == ("A-2",)
    (tmp_path / "A-2.json").unlink()
    assert "has no advisory of npm" in ids(directory, LEFT)


def test_one_unreadable_file_leaves_nothing_covered_until_it_is_right(tmp_path: Path):
    directory = OsvDirectory(str(tmp_path))
    write(tmp_path / "A-1.json", "A-1")
    (tmp_path / "A-2.json").write_text("{")
    assert "A-2.json cannot be read: not JSON" in ids(directory, LEFT)
    assert "A-2.json cannot be read" in ids(directory, GEM)
    write(tmp_path / "A-2.json", "A-2")
    assert ids(directory, LEFT) == ("A-1", "A-2")


def test_links_are_not_followed(tmp_path: Path):
    write(tmp_path / "outside" / "A-2.json", "A-2")
    write(tmp_path / "inside" / "A-1.json", "A-1")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "A-3.json").symlink_to(tmp_path / "outside" / "A-2.json")
    assert ids(OsvDirectory(str(tmp_path / "inside")), LEFT) == ("A-1",)
