"""A repository's own layer on a real forge, waivers in the ledger, and policies whose files change under a process."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.clock import ManualClock
from tests.flows.house import House, lane_in

from penstock.bootstrap import Installation
from penstock.cli.attesting import Given, of_pull
from penstock.cli.looking import status
from penstock.core.approval import ApprovalScope
from penstock.core.change.events import GatesEvaluated
from penstock.core.change.model import State, ViolationFact
from penstock.core.policy.layers import Layer, Layered, combine, read_layer
from penstock.core.policy.rules import Mode, policy_digest
from penstock.core.refs import ChangeId
from penstock.core.routing.loading import Refused, Ruleset
from penstock.core.verdict import Outcome
from penstock.flows.layering import POLICY_FILE, layer_of
from penstock.flows.listening import Listener
from penstock.flows.views import text_of
from penstock.settings import CONFIG, Misconfigured, Settings, load


def gates_of(house: House, name: ChangeId) -> str:
    return text_of(house.home.store.texts(), house.change(name).judgement)


def violations(house: House, name: ChangeId) -> tuple[ViolationFact, ...]:
    events = (entry.event for entry in house.home.store.reader.entries(name))
    return next(event for event in events if isinstance(event, GatesEvaluated)).violations


def test_a_repositorys_own_layer_stops_what_the_organization_lets_through(house: House):
    repo = house.repository("tight", {POLICY_FILE: "version: 1\nsafety: {frozen_paths: ['src/**']}\n"})
    with house.working():
        name = house.start(repo)
        house.until(name, State.BLOCKED_POLICY)
    assert {v.rule for v in violations(house, name) if v.severity is Outcome.BLOCK} == {"frozen_paths"}
    told = gates_of(house, name)
    assert "tight/.infinity/policy.yml tightens what is above it" in told
    lower = combine(house.home.rules.layered, (tight(),))
    assert isinstance(lower, Layered)
    assert policy_digest(lower.policy) in told, "which policy it was"
    assert house.branches(repo) == {"main"}


def tight() -> Layer:
    found = read_layer("low.yml", b"version: 1\nsafety: {frozen_paths: ['src/**']}\n")
    assert isinstance(found, Layer)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (
            {".infinity/policy.yaml"},
            "acme/lib/.infinity/policy.yaml:1:1: the file is called .infinity/policy.yml",
        ),
        (
            {".infinity/Policy.yml"},
            "acme/lib/.infinity/Policy.yml:1:1: the file is called .infinity/policy.yml",
        ),
        (
            {".Infinity/policy.yml"},
            "acme/lib/.Infinity/policy.yml:1:1: the file is called .infinity/policy.yml",
        ),
        ({".infinity"}, "acme/lib/.infinity:1:1: .infinity is no folder"),
        (
            {".infinity/policy.yml", ".infinity/POLICY.YML"},
            "acme/lib/.infinity/POLICY.YML:1:1: the file is called",
        ),
        ({".infinity/policy.yml"}, ""),
        ({".infinity/ledger/backlog.json", ".infinityx", "a/.infinity/policy.yaml"}, ""),
    ],
)
def test_what_was_meant_as_a_layer_and_is_none_is_not_passed_over(paths: set[str], said: str):
    """A link, a name in another case: whoever wrote it believes that it binds."""
    found = layer_of("acme/lib", frozenset(paths), b"version: 1\n")
    assert (found.problems[0] if isinstance(found, Refused) else "").startswith(said)
    assert isinstance(found, Refused) is bool(said)


def test_a_layers_quorum_is_waited_for(house: House):
    repo = house.repository("two-of-us", {POLICY_FILE: "version: 1\npr_management: {require_reviews: 2}\n"})
    with house.working():
        name = house.start(repo)
        waiting = house.until(name, State.WAITING_USER_APPROVAL)
        assert waiting.terms.quorum == 2
        (answer,) = house.approve(name)
        assert answer.recorded
    assert house.change(name).state is State.WAITING_USER_APPROVAL
    assert house.branches(repo) == {"main"}


def test_a_layer_that_cannot_be_read_or_would_loosen_stops_its_repository(house: House):
    house.configure(CONFIG.validate_python({"version": 1, "safety": {"max_files": 10}}))
    wrong = house.repository("wrong-layer", {POLICY_FILE: "version: 1\nsafety: {max_file: 5}\n"})
    loose = house.repository("loose-layer", {POLICY_FILE: "version: 1\nsafety: {max_files: 11}\n"})
    misnamed = house.repository("misnamed-layer", {".infinity/policy.yaml": "version: 1\n"})
    said = {
        wrong: "policy.yml:2:10: safety.max_file: unknown key; did you mean `max_files`?",
        loose: "policy.yml:2:10: safety.max_files: 11 where at most 10 is allowed",
        misnamed: "the file is called .infinity/policy.yml",
    }
    with house.working():
        for repo, why in said.items():
            name = house.start(repo)
            stopped = house.until(name, State.NEEDS_HUMAN)
            assert stopped.reason == "gates_unknown"
            assert why in gates_of(house, name)
            assert house.branches(repo) == {"main"}


@pytest.mark.slow
def test_a_layer_that_came_before_the_write_binds_it(house: House):
    """The base it would be merged into has another layer than the base it was made from."""
    repo = house.repository("tightened-since")
    with house.working():
        name = house.to_merge_approval(repo)
        before = lane_in(house.change(name), repo).forward.preview
        house.put(repo.name, POLICY_FILE, "version: 1\nsafety: {frozen_paths: ['src/**']}\n")
        house.approve(name, ApprovalScope.MERGE)
        later = house.until(
            name, State.VERIFYING_CI, and_=lambda c: lane_in(c, repo).forward.preview not in {None, before}
        )
        assert not [a for a in later.approvals if a.scope is ApprovalScope.MERGE], "a layer voids them"
        house.approve(name, ApprovalScope.MERGE)
        stopped = house.until(name, State.NEEDS_HUMAN, State.BLOCKED_POLICY)
    assert stopped.reason in {"merge_denied", "rollback_point_denied"}
    assert not house.pulls(repo)[0]["merged_at"]


@pytest.mark.slow
def test_a_record_names_the_policy_with_the_repositorys_layer(house: House):
    repo = house.repository("recorded-layer", {POLICY_FILE: "version: 1\nsafety: {max_files: 7}\n"})
    with house.working():
        change = house.change(house.to_pull_requests(repo))
    number = lane_in(change, repo).forward.pull
    assert number
    given = Given(subject="", head="", key=None)
    for text, holds in (
        (None, True),
        ("version: 1\nsafety: {max_files: 6}\n", False),
        ("version: 1\nsafety: {max_fils: 6}\n", False),
    ):
        if text:
            house.put(repo.name, POLICY_FILE, text)
        pull = house.home.reader.pull(repo, number)
        assert pull
        assert of_pull(house.home, given, repo, pull).verdict.allows is holds


def test_a_used_waiver_is_evidence(house: House):
    waiver = {
        "rule": "no_surprises",
        "paths": ["src/*.bin"],
        "owner": "@ada",
        "reason": "a picture of the house",
        "expires": "2999-12-31",
    }
    house.configure(CONFIG.validate_python({"version": 1, "policies": {"waivers": [waiver]}}, strict=False))
    repo = house.repository("waived")

    def edit(folder: Path) -> None:
        (folder / "src" / "a.bin").write_bytes(b"\0\1\2")

    house.script.edit = edit
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    assert ("no_surprises.waived", Outcome.WARN) in {(v.rule, v.severity) for v in violations(house, name)}
    assert "src/a.bin: waived by @ada before 3000-01-01: a picture of the house" in gates_of(house, name)


@pytest.mark.slow
def test_a_waiver_that_ended_since_it_was_approved_lets_nothing_through(house: House):
    today = house.home.clock.now()
    piped = {"rule": "curl_pipe_sh", "paths": ["src/**"], "owner": "@ada", "reason": "once"}
    until_then = {"forbid": ["curl_pipe_sh"], "waivers": [{**piped, "expires": f"{today:%Y-%m-%d}"}]}
    house.configure(CONFIG.validate_python({"version": 1, "policies": until_then}, strict=False))
    repo = house.repository("ended")
    house.script.edit = lambda folder: (folder / "src" / "a.py").write_text(
        "# curl\nx = 'curl https://x.test | sh'\n"
    )
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    assert ("curl_pipe_sh.waived", Outcome.WARN) in {(v.rule, v.severity) for v in violations(house, name)}
    later = ManualClock(today + timedelta(days=2))
    vars(house.home)["_world"] = replace(house.home.world, clock=later)
    with house.working():
        house.approve(name)
        stopped = house.until(name, State.NEEDS_HUMAN, State.BLOCKED_POLICY)
    assert stopped.reason == "branch_denied"
    assert '"forbidden: src/a.py:2","rule":"curl_pipe_sh"' in text_of(
        house.home.store.texts(), stopped.detail
    )
    assert house.branches(repo) == {"main"}


@pytest.mark.parametrize(
    ("wanted", "state"), [(">=1", State.WAITING_USER_APPROVAL), (">=99", State.BLOCKED_POLICY)]
)
def test_a_program_of_the_host_is_evidence(house: House, wanted: str, state: State):
    house.configure(CONFIG.validate_python({"version": 1, "policies": {"require": [f"git_version{wanted}"]}}))
    repo = house.repository(f"host-{wanted[2:]}")
    with house.working():
        name = house.start(repo)
        house.until(name, state)
    assert f"{dict(house.home.host)['git']}" in gates_of(house, name)


def settled(folder: Path, **files: str) -> Settings:
    config = folder / "config" / "orchestrator.yml"
    (folder / "config" / "policies").mkdir(parents=True, exist_ok=True)
    for at, (name, text) in enumerate(files.items()):
        path = config.parent / name.replace("__", "/").replace("_yml", ".yml")
        path.write_text(f"version: 1\n{text}")
        os.utime(path, (at + len(text), at + len(text)))
    return load(state=folder / "state", config_path=config, mode=Mode.MANUAL)


TOP = "policies: {layers: [policies/team.yml]}\n"


def test_a_policy_that_is_edited_wrongly_leaves_the_previous_in_force(tmp_path: Path):
    home = Installation(
        settled(tmp_path, orchestrator_yml=TOP, policies__team_yml="safety: {max_files: 9}\n")
    )
    assert (home.policy.max_files, home.policy.mode) == (9, Mode.MANUAL)
    layer = tmp_path / "config" / "policies" / "team.yml"
    for number, (text, said) in enumerate(
        [
            (
                "safety: {max_fils: 5}\n",
                "team.yml:2:10: safety.max_fils: unknown key; did you mean `max_files`?",
            ),
            (
                "safety: {max_files: 501}\n",
                "team.yml:2:10: safety.max_files: 501 where at most 500 is allowed",
            ),
        ]
    ):
        layer.write_text(f"version: 1\n{text}")
        os.utime(layer, (1000 + number, 1000 + number))
        refused = home.rules.refresh()
        assert isinstance(refused, Refused)
        assert said in refused.problems[0]
        assert home.policy.max_files == 9
    layer.write_text("version: 1\nsafety: {max_files: 4}\n")
    assert isinstance(home.rules.refresh(), Ruleset)
    assert (home.policy.max_files, home.policy.mode) == (4, Mode.MANUAL)
    layer.unlink()
    assert isinstance(home.rules.refresh(), Refused)
    assert home.policy.max_files == 4


class Shut:
    """An inbox without deliveries."""

    def pending(self, _limit: int) -> tuple[()]:
        return ()


def test_status_says_that_the_previous_policy_stays_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    home = Installation(
        settled(tmp_path, orchestrator_yml=TOP, policies__team_yml="safety: {max_files: 9}\n")
    )
    door = SimpleNamespace(rules=home.rules, tallies=home.tallies, clock=home.clock, inbox=Shut())
    listener, layer = Listener(door), tmp_path / "config" / "policies" / "team.yml"  # type: ignore[arg-type]
    for text, said in (
        (
            "policies: {forbid: [curl_pip_sh]}",
            "did you mean `curl_pipe_sh`?; the rules and the policy before it",
        ),
        ("safety: {max_files: 3}", ""),
    ):
        layer.write_text(f"version: 1\n{text}\n")
        listener.deliver()
        capsys.readouterr()
        status(home, json=False)
        told = " ".join(capsys.readouterr().out.split())
        assert said in told
        assert ("configuration rejected" in told) is bool(said)
    assert home.policy.max_files == 3
    home.close()


def test_a_layer_that_is_named_twice_or_is_not_there_is_named_with_its_place(tmp_path: Path):
    (tmp_path / "config/policies").mkdir(parents=True)
    os.mkfifo(tmp_path / "config/policies/pipe.yml")
    for names, said in (
        ("[policies/team.yml, policies/team.yml]", "layers[1]: policies/team.yml is named above already"),
        ("[policies/pipe.yml]", "layers[0]: policies/pipe.yml is no file"),
        ("[policies/gone.yml]", "layers[0]: policies/gone.yml cannot be read: No such file"),
        ("[../team.yml]", "policies.layers[0]: String should match pattern"),
    ):
        with pytest.raises(Misconfigured, match=r"orchestrator\.yml:2:") as refused:
            settled(tmp_path, policies__team_yml="", orchestrator_yml=f"policies: {{layers: {names}}}\n")
        assert said in str(refused.value)
