"""An outside title says what it says, and does nothing: it closes, calls, skips and signs nothing."""

import json
import re
from dataclasses import replace

import pytest
from tests.flows.house import House, lane_in

from penstock.adapters.secrets import Secrets
from penstock.core.change.model import LegName, State
from penstock.core.text import without_hidden
from penstock.flows.shaping import _merge
from penstock.flows.words import disarmed, harmless, inline

JOINER = "\u2060"
CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:[\w.-]+/[\w.-]+)?(?:#|GH-|https?://\S+/)\d+",
    re.IGNORECASE,
)
SKIPPING = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
MENTION = re.compile(r"@\w")
ACTS = [
    "Tidy, fixes #1 closes acme/other#1 @ada [skip ci]",
    "Fixes: #1",
    "resolved GH-12, gh-13",
    "fix https://github.com/acme/core/issues/1",
    "[ci skip] a [NO CI] b [skip actions] c [Actions Skip]",
    "thanks @acme/team",
    "fixes #\u200b1 @\u202eada [skip\u200b ci]",
    "fixes\n#1",
]


def acts(text: str) -> bool:
    return any(pattern.search(text) for pattern in (CLOSING, SKIPPING, MENTION))


@pytest.mark.parametrize("title", ACTS)
def test_a_title_acts_nowhere(title: str) -> None:
    assert acts("".join(c for c in title if c not in "\u200b\u202e"))
    assert not acts(harmless(title))
    assert not acts(inline(title))
    assert not acts(disarmed(harmless(title)))


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("docs: tidy the README (#a, e-mail) [ok]", "docs: tidy the README (#a, e-mail) [ok]"),
        ("a\x1b[31mb\r\n c\u202ed\x9be", "a[31mb cde"),
        ("skip-checks: true", f"skip-checks{JOINER}: true"),
        ("Signed-off-by: Ada <ada@acme.example>", f"Signed-off-by{JOINER}: Ada <ada@{JOINER}acme.example>"),
        ("Closes: nothing", f"Closes{JOINER}: nothing"),
        ("a -- b --> c", f"a -{JOINER}- b -{JOINER}-> c"),
        ("\u200b\u202e ", "(no title)"),
        ("Žluťoučký kůň 👩\u200d💻", "Žluťoučký kůň 👩\u200d💻"),
    ],
)
def test_a_title_is_one_readable_line(title: str, shown: str) -> None:
    assert harmless(title) == shown


def test_a_title_is_short() -> None:
    assert len(harmless("#1 " * 300)) == 200
    assert len(harmless("x" * 200)) == 200
    assert harmless("x" * 201).endswith("…")


def test_no_title_acts_in_commits_pull_requests_or_merges(house: House) -> None:
    repo = house.repository("titled")
    with house.working():
        name = house.start(repo, title=ACTS[0])
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        house.until(
            name, State.PR_OPEN, State.VERIFYING_CI, and_=lambda c: bool(lane_in(c, repo).forward.pull)
        )
        (pull,) = house.pulls(repo)
        head = house.ask("GET", f"/repos/{repo.full_name}/commits/{pull['head']['sha']}").json()
    texts = house.home.store.texts()
    change = house.change(name)
    merge = _merge(change, lane_in(change, repo), LegName.FORWARD, texts)
    address = "penstock[bot]@users.noreply.github.com"
    written = [
        head["commit"]["message"].replace(address, ""),
        pull["title"],
        pull["body"],
        merge.title,
        merge.message.replace(address, ""),
    ]
    for text in written:
        assert not acts(text)
    assert all("Tidy" in text for text in written[:-1])


def test_a_secret_in_a_title_is_posted_nowhere_whatever_hides_it(house: House) -> None:
    token = "ghp_" + "aB3" * 12
    repo = house.repository("leaking")
    with house.working():
        name = house.start(repo, title=f"use {JOINER.join(token)} please")
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        house.until(
            name, State.PR_OPEN, State.VERIFYING_CI, and_=lambda c: bool(lane_in(c, repo).forward.pull)
        )
    (pull,) = house.pulls(repo)
    assert pull["title"] == "use [redacted github-token] please"
    assert token not in without_hidden(json.dumps(pull, ensure_ascii=False))


@pytest.mark.slow
def test_a_secret_that_was_not_known_when_it_was_stored_stops_the_write(house: House) -> None:
    repo = house.repository("leaked-late")
    vars(house.home)["_world"] = replace(house.home.world, secrets=Secrets(lambda: ("Zq7-late",)))
    with house.working():
        name = house.start(repo, title="use Zq7-late please")
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        stopped = house.until(name, State.BLOCKED_POLICY, State.NEEDS_HUMAN)
    assert "P-001" in house.story(stopped)
    assert house.branches(repo) == {"main"}
