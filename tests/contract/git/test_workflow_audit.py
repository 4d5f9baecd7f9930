"""Workflow files, audited by the real zizmor: only what is new counts, and what it cannot take is never clean."""

from pathlib import Path

import pytest
from tests.contract.git.test_surface import changed

from penstock.adapters.git import workflows

PATH = ".github/workflows/ci.yml"
SAFE = b"""on: push
permissions: {}
jobs:
  a:
    name: a
    runs-on: ubuntu-latest
    steps:
      - run: echo hello
"""
INJECTED = SAFE + b"      - run: echo ${{ github.event.issue.title }}\n"


def test_only_what_is_new_counts(tmp_path: Path) -> None:
    found = changed(tmp_path, {PATH: INJECTED}, {PATH: b"# moved down\n" + INJECTED})
    assert (found.workflows, found.unaudited) == ((), ())


def test_what_a_patch_brings_is_told_with_its_place_although_it_asks_not_to_be(tmp_path: Path) -> None:
    hidden = INJECTED.replace(b"title }}", b"title }} # zizmor: ignore[template-injection]")
    found = changed(tmp_path, {PATH: SAFE}, {PATH: hidden})
    assert [(each.rule, each.path, each.line, each.severity) for each in found.workflows] == [
        ("template-injection", PATH, 9, "High")
    ]


def test_what_is_no_workflow_is_not_audited(tmp_path: Path) -> None:
    found = changed(tmp_path, {PATH: SAFE}, {PATH: b"on: [\n", "x/action.yml": b"runs: 1\n"})
    assert found.workflows == ()
    assert {each.path for each in found.unaudited} == {PATH, "x/action.yml"}
    assert all(each.why.startswith("zizmor: ") for each in found.unaudited)


ABSENT = {
    "no zizmor": ("_program", lambda: None, "zizmor is not installed"),
    "another program": ("_program", lambda: "/bin/true", "zizmor's answer cannot be read"),
    "one that fails": ("_program", lambda: "/bin/false", "zizmor failed"),
    "no time": ("SECONDS", 0.0, "zizmor took more than 0 seconds"),
    "too long": ("MAX_BYTES", 10, "longer than 0 KiB"),
    "too many": ("MOST", 0, "more than 0 such files"),
}


@pytest.mark.parametrize(("name", "value", "why"), ABSENT.values(), ids=ABSENT)
def test_without_an_audit_nothing_is_clean(tmp_path: Path, monkeypatch, name, value, why) -> None:
    monkeypatch.setattr(workflows, name, value)
    if name == "SECONDS":
        monkeypatch.setattr(workflows, "_program", lambda: "/bin/cat")
        monkeypatch.setattr(workflows, "_LIMITED", "exec sleep 5")
    found = changed(tmp_path, {}, {PATH: INJECTED})
    assert [(each.path, each.why) for each in found.unaudited] == [(PATH, why)]
    assert found.workflows == ()
