"""Alerts of vulnerable dependencies, as advisories: on the embedded forge, and what a forge can say instead."""

import pytest
from tests.contract.github.embedded import Embedded
from tests.contract.github.setting import REPO, Kit, Reply, sequence, serving

from localforge.seeding.alerts import plant
from localforge.seeding.model import DependencyAlert, Repository
from penstock.adapters.github.alerts import AlertReader
from penstock.core.dependencies.advisories import Advisory, Affected, NotCovered, Range
from penstock.core.dependencies.facts import Ecosystem
from penstock.ports import Permanent, Transient

ALERTS = tuple(
    DependencyAlert(
        package=package, ecosystem=ecosystem, manifest="m", ghsa=ghsa, summary="Bad", vulnerable=vulnerable
    )
    for package, ecosystem, ghsa, vulnerable in (
        ("Old_Thing", "pip", "GHSA-aaaa-bbbb-cccc", "< 2"),
        ("left", "npm", "GHSA-dddd-eeee-ffff", ">= 1.0.0, < 1.2.0"),
        ("checkout", "actions", "GHSA-gggg-hhhh-jjjj", "< 4"),
        ("right", "npm", "GHSA-kkkk-llll-mmmm", "< 9"),
    )
)


def reader(kit: Kit) -> AlertReader:
    return AlertReader(kit.reads)


def test_open_alerts_are_advisories_and_dismissed_ones_are_not(forge: Embedded) -> None:
    at = forge.world.forge.clock()
    with forge.world.forge.store.write() as tx:
        plant(
            forge.world.forge,
            tx,
            forge.world.widget.id,
            Repository(name="acme/widget", dependabot_alerts=ALERTS),
            at,
        )
    with forge.owner() as olga:
        judged = {"state": "dismissed", "dismissed_reason": "not_used"}
        assert olga.patch("/repos/acme/widget/dependabot/alerts/4", json=judged).status_code == 200
    found = reader(forge.kit).vulnerabilities(forge.repo)
    assert isinstance(found, tuple)
    told = {one.id: set(one.affected) for one in found}
    old, left = (
        Range(kind="ECOSYSTEM", events=(("introduced", since), ("fixed", until)))
        for since, until in (("0", "2"), ("1.0.0", "1.2.0"))
    )
    assert told == {
        "GHSA-aaaa-bbbb-cccc": {affected(Ecosystem.PYPI, "old-thing", old)},
        "GHSA-dddd-eeee-ffff": {affected(Ecosystem.NPM, "left", left)},
        "GHSA-gggg-hhhh-jjjj": set(),
    }


def affected(ecosystem: Ecosystem, name: str, found: Range) -> Affected:
    return Affected(ecosystem=ecosystem, name=name, ranges=(found,), versions=frozenset())


def test_every_range_of_an_alert_s_advisory_counts() -> None:
    def vulnerable(found: str) -> object:
        return {"package": {"ecosystem": "npm", "name": "left"}, "vulnerable_version_range": found}

    several = [vulnerable("< 1.2.0"), vulnerable(">= 2.0.0, < 2.1.0")]
    alert = {
        "number": 1,
        "security_advisory": {"ghsa_id": "GHSA-1", "vulnerabilities": several},
        "security_vulnerability": several[0],
    }
    with serving(sequence(Reply(body=[alert]))) as (kit, asked):
        found = reader(kit).vulnerabilities(REPO)
    assert isinstance(found, tuple)
    (one,) = found
    assert isinstance(one, Advisory)
    assert {events.events[0][1] for a in one.affected for events in a.ranges} == {"0", "2.0.0"}
    assert str(asked[0]) == "GET /repos/acme/widget/dependabot/alerts?per_page=100&state=open%2Cfixed"


NO = "Resource not accessible by personal access token"
NEEDED = ": it takes Dependabot alerts (read)"
UNREAD = [
    (403, {"message": NO}, f"the forge's alerts cannot be read (403 {NO}){NEEDED}"),
    (404, {"message": "Not Found"}, f"the forge's alerts cannot be read (404 Not Found){NEEDED}"),
    (
        403,
        {"message": "Dependabot alerts are disabled for this repository."},
        "the forge's alerts are off in acme/widget",
    ),
    (200, [{"number": 1}], "the forge's alerts cannot be used: "),
    (200, {"message": "no list"}, "the forge's alerts cannot be used: "),
]


def test_what_cannot_be_read_is_never_no_alert() -> None:
    replies = [Reply(status=status, body=body) for status, body, _ in UNREAD]
    with serving(sequence(*replies)) as (kit, _):
        for _, _, reason in UNREAD:
            found = reader(kit).vulnerabilities(REPO)
            assert isinstance(found, NotCovered)
            assert found.reason.startswith(reason)


def test_a_forge_that_fails_or_knows_no_token_is_no_answer() -> None:
    wrong, failing = Reply(status=401, body={"message": "x"}), Reply(status=502, body={"message": "x"})
    with serving(sequence(wrong, *[failing] * 9)) as (kit, _):
        with pytest.raises(Permanent):
            reader(kit).vulnerabilities(REPO)
        with pytest.raises(Transient):
            reader(kit).vulnerabilities(REPO)
