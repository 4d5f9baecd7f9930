"""Recipes that fail, never end, take too much, reach out, or hide something: refused with the reason, nothing run here."""

import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.e2e.calling import Caller

from penstock.cli.exits import Exit

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed on this machine"),
]


@dataclass(frozen=True)
class Case:
    """`{canary}` is a file of the host, outside of everything; `{mark}` a number that names a process."""

    name: str
    run: str
    state: str
    reason: str
    said: str
    seconds: int = 20


CASES = [
    Case(
        "fails",
        "echo it is broken >&2; exit 3",
        "NEEDS_HUMAN",
        "proposal_failed",
        "exited with 3. It printed last:\nit is broken",
    ),
    Case("hangs", "sleep {mark}", "NEEDS_HUMAN", "proposal_timeout", "still running after 1 s", 1),
    Case(
        "fills-the-disk",
        "truncate -s 900M one; truncate -s 900M two",
        "NEEDS_HUMAN",
        "proposal_too_large",
        "more than the sandbox has room for",
    ),
    Case("forks-endlessly", "while :; do sleep {mark} & done", "NEEDS_HUMAN", "proposal_failed", "fork"),
    Case("writes-outside", "echo x > {canary}", "NEEDS_HUMAN", "proposal_failed", "exited with"),
    Case(
        "brings-a-git-configuration",
        "mkdir .git; printf '[core]\\n\\tfsmonitor = touch {canary}\\n\\thooksPath = .git/h\\n' > .git/config;"
        " mkdir .git/h; printf '#!/bin/sh\\ntouch {canary}\\n' > .git/h/post-checkout; chmod +x .git/h/*",
        "NEEDS_HUMAN",
        "proposal_unsafe_tree",
        ".git would be a repository of its own",
    ),
    Case("links-out", "ln -sf /etc/passwd users", "BLOCKED_POLICY", "", "users"),
    Case("differs-each-time", "date +%N%s > a.py", "NEEDS_HUMAN", "proposal_not_deterministic", "a.py"),
    Case("never-rests", "echo 'more = 1' >> a.py", "NEEDS_HUMAN", "proposal_not_idempotent", "a.py"),
]
MORE = [
    Case(
        "leaves-a-process",
        "setsid sleep {mark} & echo 'new = 1' > a.py; sleep {mark}",
        "NEEDS_HUMAN",
        "proposal_timeout",
        "still running after 1 s",
        1,
    ),
    Case(
        "makes-endless-files",
        "mkdir d; cd d; i=0; while :; do i=$((i+1)); : > $i; done",
        "NEEDS_HUMAN",
        "proposal_",
        "",
        3,
    ),
    Case("prints-endlessly", "yes", "NEEDS_HUMAN", "proposal_failed", "printed more than 256 KiB"),
    Case(
        "writes-outside-quietly",
        "echo x > {canary} || echo x > ../canary || mkdir -p $(dirname {canary}) && echo x > {canary} || true",
        "NEEDS_HUMAN",
        "nothing_to_change",
        "",
    ),
    Case(
        "brings-attributes",
        "printf '* filter=x diff=x merge=x\\n' > .gitattributes; echo 'new = 1' > a.py",
        "BLOCKED_POLICY",
        "",
        ".gitattributes",
    ),
    Case("links-upwards", "ln -sfn ../../.. up", "BLOCKED_POLICY", "", "up"),
    Case(
        "strays-into-ci",
        "mkdir -p .github/workflows; echo 'on: push' > .github/workflows/mine.yml",
        "BLOCKED_POLICY",
        "",
        ".github/workflows/mine.yml",
    ),
    Case("makes-a-pipe", "mkfifo pipe", "NEEDS_HUMAN", "proposal_unsafe_tree", "pipe is a named pipe"),
    Case("reaches-the-network", "exec 3<>/dev/tcp/127.0.0.1/{port}", "NEEDS_HUMAN", "proposal_failed", ""),
    Case(
        "finds-no-secret",
        "if env | grep -i token || cat {state}/embedded.json; then exit 0; fi; exit 4",
        "NEEDS_HUMAN",
        "proposal_failed",
        "exited with 4",
    ),
]


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=case.name) for case in CASES),
        *(pytest.param(case, id=case.name, marks=pytest.mark.slow) for case in MORE),
    ],
)
def test_a_recipe_that_misbehaves_is_refused_with_the_reason(
    penstock: Caller, tmp_path: Path, case: Case
) -> None:
    source = penstock.folder_of(case.name, a__py="old = 1\n")
    canary, mark = tmp_path / "canary", f"9{uuid.uuid4().int % 10**9}"
    forge = json.loads((penstock.folder / ".penstock/embedded.json").read_text())
    run = case.run
    for name, value in (
        ("canary", canary),
        ("mark", mark),
        ("port", forge["port"]),
        ("state", penstock.folder / ".penstock"),
    ):
        run = run.replace(f"{{{name}}}", str(value))
    _recipe(penstock, case, run)

    shown = penstock.ask("try", str(source), "--recipe", case.name, expect=Exit.NO)

    assert shown["summary"]["state"] == case.state, shown
    assert shown["summary"]["reason"].startswith(case.reason)
    assert case.said in f"{shown['detail']}{shown['gates']}"
    assert not canary.exists()
    assert not _alive(mark)
    assert (source / "a.py").read_text() == "old = 1\n"
    assert sorted(path.name for path in source.iterdir()) == ["a.py"]
    _nothing_written(forge, case.name)


def _recipe(penstock: Caller, case: Case, run: str) -> None:
    folder = penstock.folder / "recipes"
    folder.mkdir(exist_ok=True)
    recipe = {
        "name": case.name,
        "title": case.name,
        "run": run,
        "allowed_paths": ["*"],
        "timeout_seconds": case.seconds,
    }
    (folder / f"{case.name}.yml").write_text(json.dumps(recipe))


def _alive(mark: str) -> bool:
    """Is there a process on this machine whose command line has this number."""
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark.encode() in (process / "cmdline").read_bytes():
                return int(process.name) != os.getpid()
        except OSError:
            continue
    return False


def _nothing_written(forge: dict[str, object], name: str) -> None:
    headers = {"authorization": f"Bearer {forge['reader_token']}"}
    at = f"http://127.0.0.1:{forge['port']}/repos/acme/{name}"
    with httpx.Client(headers=headers) as http:
        assert [branch["name"] for branch in http.get(f"{at}/branches").json()] == ["main"]
        assert http.get(f"{at}/pulls?state=all").json() == []
