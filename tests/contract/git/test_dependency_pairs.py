"""Which manifests and lock files of two trees are read: those that differ, and what goes with them."""

from pathlib import Path

import pytest
from tests.contract.git.origin import REPO, Origin, git, mirrored

from penstock.adapters.git import dependencies
from penstock.core.dependencies.facts import FilePair
from penstock.core.refs import Sha

LOCK = b'{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.%d.0"}}}'


def pairs(origin: Origin, tmp_path: Path, base: Sha, head: Sha) -> dict[str, FilePair]:
    mirrors = mirrored(tmp_path / "mirrors", origin, base, head)
    found = mirrors.facts(REPO, base, mirrors.tree_of(REPO, head)).dependencies
    return {side.path: pair for pair in found if (side := pair.after or pair.before)}


def changed(tmp_path: Path, before: dict[str, bytes], after: dict[str, bytes | None]) -> dict[str, FilePair]:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"kept": b"kept\n", **before})
    return pairs(origin, tmp_path, base, origin.commit(after))


def test_where_no_such_file_is_touched_none_is_read(tmp_path: Path) -> None:
    assert changed(tmp_path, {"package.json": b"{}", "a.py": b"1"}, {"a.py": b"2"}) == {}


def test_both_sides_are_read_and_what_stands_beside_and_above(tmp_path: Path) -> None:
    found = changed(
        tmp_path,
        {
            "package-lock.json": LOCK % 1,
            "apps/go.mod": b"module m\n",
            "apps/web/package.json": b"{}",
            "apps/web/sub/package.json": b"{}",
            "other/package.json": b"{}",
            "apps/web/readme.txt": b"",
        },
        {"apps/web/package.json": b'{"dependencies": {"a": "1"}}', "apps/web/yarn.lock": b"# yarn\n"},
    )
    assert {path: (p.before is not None, p.after is not None, p.touched) for path, p in found.items()} == {
        "apps/web/package.json": (True, True, True),
        "apps/web/yarn.lock": (False, True, True),
        "apps/go.mod": (True, True, False),
        "package-lock.json": (True, True, False),
    }
    web = found["apps/web/package.json"]
    assert web.before is not None
    assert web.after is not None
    assert (len(web.before.requirements), len(web.after.requirements)) == (0, 1)


def test_a_lock_file_that_is_no_file_is_unreadable(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    base = origin.commit({"package-lock.json": LOCK % 1, "elsewhere": LOCK % 2})
    (origin.folder / "package-lock.json").unlink()
    (origin.folder / "package-lock.json").symlink_to("elsewhere")
    git(origin.folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},yarn.lock")
    (origin.folder / "yarn.lock").mkdir()
    found = pairs(origin, tmp_path, base, origin.commit_all())
    problems = {path: pair.after.problem for path, pair in found.items() if pair.after}
    assert problems == {"package-lock.json": "no regular file", "yarn.lock": "no regular file"}


def test_more_than_is_read_is_unreadable_and_touched_files_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "MOST", 2)
    found = changed(
        tmp_path,
        {"a.csproj": b"<p/>", "b.csproj": b"<p/>", "z/c.csproj": b"<p/>"},
        {"z/c.csproj": b"<p></p>"},
    )
    problems = {path: pair.after.problem for path, pair in found.items() if pair.after}
    assert problems["z/c.csproj"] == problems["a.csproj"] == ""
    assert problems["b.csproj"].startswith("more than 2 such files")


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MOST_BYTES"])
def test_a_file_that_is_too_large_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(dependencies, limit, 1 << 20)
    found = changed(tmp_path, {}, {"package.json": b" " * (1 << 20) + b" "})
    after = found["package.json"].after
    assert after is not None
    assert after.problem
    assert after.requirements == ()
