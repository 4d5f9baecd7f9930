"""A change of dependencies, from the agent's tree to the gates' verdict."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flows.house import House

from penstock.cli.exits import Exit
from penstock.cli.judging import Onto, check_patch, check_pull
from penstock.core.change.events import GatesEvaluated
from penstock.core.change.model import Change, State
from penstock.core.dependencies.advisories import Advisory, NotCovered, read_advisory
from penstock.core.verdict import Verdict, render_text
from penstock.flows.world import POLICY, VERDICT, policy_text
from penstock.settings import CONFIG, Config, policy_of, unused_keys

ADVISORY = {
    "id": "GHSA-test-0001",
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "left-pad"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}],
        }
    ],
}


def manifest(wanted: str) -> str:
    return json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"left-pad": wanted}})


def lock(wanted: str, version: str, **facts: str) -> str:
    package = {
        "version": version,
        "resolved": f"https://registry.npmjs.org/left-pad/-/left-pad-{version}.tgz",
        "integrity": "sha512-" + f"{version}AAAA".replace(".", ""),
        **facts,
    }
    root = {"name": "app", "version": "1.0.0", "dependencies": {"left-pad": wanted}}
    packages = {"": root, "node_modules/left-pad": {k: v for k, v in package.items() if v}}
    return json.dumps({"name": "app", "lockfileVersion": 3, "packages": packages})


def configured(**policies: object) -> Config:
    return CONFIG.validate_json(json.dumps({"version": 1, "policies": policies}))


def tell(house: House, known: tuple[Advisory, ...] | NotCovered) -> None:
    """What the forge's alerts are."""
    vars(house.home)["auditor"] = replace(house.home.auditor, alerts=lambda _: known)


def judged(house: House, name: str, edits: dict[str, str], *states: State) -> tuple[Change, Verdict]:
    """A repository on left-pad 1.2.0, changed so, until it stands in one of the states."""
    files = {"package.json": manifest("^1.2.0"), "package-lock.json": lock("^1.2.0", "1.2.0")}
    repo = house.repository(name, files)
    house.script.scope = ("**",)

    def edit(folder: Path) -> None:
        for path, text in edits.items():
            (folder / path).write_text(text)

    house.script.edit = edit
    with house.working():
        change = house.until(house.start(repo), *states)
    events = (entry.event for entry in house.home.store.reader.entries(change.id))
    gates = next(event for event in events if isinstance(event, GatesEvaluated))
    text = house.home.store.texts().get(gates.verdict)
    assert text is not None
    return change, VERDICT.validate_json(text)


UPGRADE = {"package.json": manifest("^1.3.0"), "package-lock.json": lock("^1.3.0", "1.3.0")}
BROKEN = {
    "the lock was not updated": ({"package.json": manifest("^1.3.0")}, "lock_not_updated"),
    "from elsewhere": (
        {"package-lock.json": lock("^1.2.0", "1.2.1", resolved="https://evil.test/left-pad.tgz")},
        "foreign_registry",
    ),
    "without a hash": ({"package-lock.json": lock("^1.2.0", "1.2.1", integrity="")}, "no_hash"),
    "the same version with another content": (
        {"package-lock.json": lock("^1.2.0", "1.2.0", integrity="sha512-BBBB")},
        "hash_changed",
    ),
    "made for another manifest": ({"package-lock.json": lock("^1.0.0", "1.2.1")}, "incoherent"),
    "no JSON": ({"package-lock.json": "{"}, "unreadable"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_lockfile_is_blocked_where_its_integrity_is_required(house: House, case: str):
    edits, flaw = BROKEN[case]
    house.configure(configured(require=["lockfile_integrity"]))
    change, verdict = judged(house, f"required-{flaw}".replace("_", "-"), edits, State.BLOCKED_POLICY)
    text = render_text(verdict)
    assert f"✗ lockfile_integrity.{flaw}: package-lock.json" in text
    assert change.approvals == ()


def test_a_broken_lockfile_is_a_warning_where_it_is_not(house: House):
    edits, flaw = BROKEN["without a hash"]
    _, verdict = judged(house, "not-required", edits, State.WAITING_USER_APPROVAL)
    assert f"! lockfile_integrity.{flaw}: package-lock.json: left-pad 1.2.1" in render_text(verdict)


def test_a_policy_that_names_requirements_and_registries_is_pinned_whole():
    config = configured(require=["lockfile_integrity", "gh_version>=2"], registries={"npm": ["npm.test"]})
    policy = policy_of(config)
    assert POLICY.validate_json(policy_text(policy)) == policy
    assert policy.require == ("lockfile_integrity",)
    assert policy.tools == (("gh", ">=2"),)
    assert unused_keys(config) == ()


def test_what_nobody_audited_is_not_called_clean(house: House):
    _, verdict = judged(house, "unaudited", UPGRADE, State.WAITING_USER_APPROVAL)
    text = render_text(verdict)
    assert "! not_audited: left-pad 1.2.0 → 1.3.0 (package-lock.json, direct): no database" in text
    assert "(policies.advisories); no alert of the forge names it" in text, "they are read, and are none"
    assert "clean" not in text


def test_what_nobody_audited_stops_where_an_audit_is_required(house: House):
    house.configure(configured(require=["dependency_audit"]))
    change, verdict = judged(house, "must-audit", UPGRADE, State.NEEDS_HUMAN, State.BLOCKED_POLICY)
    assert "? not_audited: left-pad" in render_text(verdict)
    assert change.approvals == ()


def test_a_known_vulnerability_blocks_and_its_fix_is_clean(house: House, tmp_path: Path):
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv" / "GHSA-test-0001.json").write_text(json.dumps(ADVISORY))
    house.configure(configured(advisories=str(tmp_path / "osv")))
    within = {"package-lock.json": lock("^1.2.0", "1.2.9")}
    _, verdict = judged(house, "vulnerable", within, State.BLOCKED_POLICY)
    assert (
        "✗ known_vulnerability: left-pad 1.2.0 → 1.2.9 (package-lock.json, direct): GHSA-test-0001"
        in render_text(verdict)
    )
    _, verdict = judged(house, "fixed-version", UPGRADE, State.WAITING_USER_APPROVAL)
    assert "✓ clean: left-pad 1.2.0 → 1.3.0 (package-lock.json, direct)" in render_text(verdict)
    assert "not_audited" not in render_text(verdict)


def test_an_alert_of_the_forge_blocks_where_no_database_is(house: House):
    advisory = read_advisory(json.dumps(ADVISORY).encode())
    assert advisory
    tell(house, (advisory,))
    within = {"package-lock.json": lock("^1.2.0", "1.2.9")}
    _, verdict = judged(house, "alerted", within, State.BLOCKED_POLICY)
    assert (
        "✗ known_vulnerability: left-pad 1.2.0 → 1.2.9 (package-lock.json, direct): GHSA-test-0001"
        in render_text(verdict)
    )
    assert "✓ alerts: the forge's alerts, read at 20" in render_text(verdict)


def test_what_anybody_brings_is_asked_about_like_a_change(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    files = {"package.json": manifest("^1.2.0"), "package-lock.json": lock("^1.2.0", "1.2.0")}
    repo = house.repository("brought", files)
    base = house.ask("GET", f"/repos/{repo.full_name}/git/ref/heads/main").json()["object"]["sha"]
    house.ask("POST", f"/repos/{repo.full_name}/git/refs", {"ref": "refs/heads/bump", "sha": base})
    house.put("brought", "package-lock.json", lock("^1.2.0", "1.2.9"), branch="bump")
    opening = {"title": "Bump", "head": "bump", "base": "main"}
    house.ask("POST", f"/repos/{repo.full_name}/pulls", opening)
    moved = "left-pad 1.2.0 → 1.2.9 (package-lock.json, direct)"
    assert said_of(house, "brought", capsys) == (
        Exit.DONE,
        f"not_audited: {moved}: no database is configured (policies.advisories); no alert of the forge names it",
    )
    tell(house, NotCovered(reason="the forge's alerts are off in it"))
    assert "(policies.advisories); the forge's alerts are off in it" in said_of(house, "brought", capsys)[1]
    advisory = read_advisory(json.dumps(ADVISORY).encode())
    assert advisory
    tell(house, (advisory,))
    vulnerable = (Exit.NO, f"known_vulnerability: {moved}: GHSA-test-0001")
    assert said_of(house, "brought", capsys) == vulnerable

    source = tmp_path / "clone"
    source.mkdir()
    for path, text in files.items():
        (source / path).write_text(text)
    patch = tmp_path / "bump.diff"
    patch.write_text(one_line("package-lock.json", files["package-lock.json"], lock("^1.2.0", "1.2.9")))
    onto = Onto(source=source, scope=(), of=repo.full_name)
    assert told(lambda: check_patch(house.home, str(patch), onto, json=True), capsys) == vulnerable
    assert check_patch(house.home, str(patch), replace(onto, of="ghost"), json=True) == Exit.NO
    assert "no repository ghost" in capsys.readouterr().err


def one_line(path: str, before: str, after: str) -> str:
    """A patch of a file that is one line without an end."""
    no_end = "\\ No newline at end of file"
    head = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n"
    return f"{head}-{before}\n{no_end}\n+{after}\n{no_end}\n"


def said_of(house: House, name: str, capsys: pytest.CaptureFixture[str]) -> tuple[Exit, str]:
    """What `penstock policy check` makes of its first pull request, and the first thing it says of the package."""
    return told(lambda: check_pull(house.home, name, 1, json=True), capsys)


def told(check: Callable[[], Exit], capsys: pytest.CaptureFixture[str]) -> tuple[Exit, str]:
    capsys.readouterr()
    code = check()
    verdict = VERDICT.validate_python(json.loads(capsys.readouterr().out)["opinion"]["verdict"])
    lines = [line.strip(" ?!✓✗") for line in render_text(verdict).splitlines()]
    assert not [line for line in lines if line.startswith("clean")]
    return code, next(line for line in lines if "left-pad" in line and "lockfile" not in line)
