"""Before `penstock start` starts anything: is the forge there, does it permit what will be needed, what is amiss."""

from datetime import timedelta

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.core.evidence import RepositoryFacts
from penstock.core.refs import RepoRef
from penstock.flows.listening import POLL_FAILS, pause
from penstock.ports import Transient
from penstock.settings import unused_keys

TRIED = 25
"""Repositories in which permissions are tried; each takes some ten requests."""
NAMED = 3
REVIEWED = "merging demands an approving review, which Penstock never gives; a person has to, at the forge, and merging waits for it."
STRICT = (
    "merging demands an up-to-date branch; where the base moved, an approved change follows it and its checks run again, "
    "a few times, before a person is asked."
)


def missing_permissions(home: Installation, *, patient: bool) -> tuple[str, ...]:
    """A sentence for each, and an introduction where none is missing. Patient: waits for a forge that is away."""
    failures = 0
    while True:
        try:
            repos = [
                (repo, facts) for repo, facts in home.fleet.repositories(home.reader) if not facts.archived
            ]
            missing = _missing(home, [repo for repo, _ in repos[:TRIED]])
            demands = () if missing else _demands(home, repos[:TRIED])
        except Transient as away:
            if not patient:
                raise
            failures += 1
            wait = pause(away, failures, timedelta())
            home.tallies.add(POLL_FAILS, home.clock.now(), note=str(away))
            output.complain(f"{away}; it is tried again in {wait:.0f} s, Ctrl-C ends it.")
            home.clock.sleep(wait)
        else:
            if not missing:
                _introduce(home, len(repos))
                for sentence in demands:
                    output.complain(sentence)
            return missing


def _missing(home: Installation, repos: list[RepoRef]) -> tuple[str, ...]:
    """What is missing in several repositories is said once."""
    where: dict[str, list[str]] = {}
    with output.working("Trying what the tokens permit", quiet=not output.out.is_terminal):
        for repo in repos:
            for sentence in home.lacking(repo):
                where.setdefault(sentence, []).append(repo.full_name)
    return tuple(f"{_listed(names)}: {sentence}" for sentence, names in where.items())


def _demands(home: Installation, repos: list[tuple[RepoRef, RepositoryFacts]]) -> tuple[str, ...]:
    """What branches demand that only people can give: said before anything waits for it."""
    asked = [
        (repo.full_name, home.reader.required_checks(repo, facts.default_branch)) for repo, facts in repos
    ]
    reviewed = [name for name, required in asked if required and required.approving_reviews]
    strict = [name for name, required in asked if required and required.strict]
    return tuple(
        f"{_listed(names)}: {sentence}"
        for names, sentence in ((reviewed, REVIEWED), (strict, STRICT))
        if names
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _introduce(home: Installation, repositories: int) -> None:
    config = home.settings.config
    tried = f", permissions tried in {TRIED} of them" if repositories > TRIED else ""
    output.say(
        f"Working for {home.organization} at {home.address.web} ({repositories} repositories{tried}), "
        f"mode {config.mode}; state in {home.settings.state}"
    )
    if not repositories:
        output.complain(
            f"{home.organization} has no repository that discovery.include and exclude leave over."
        )
    writer = home.settings.writer
    if writer and writer.source == "GITHUB_TOKEN" and not home.embedded:
        output.complain("Writing with GITHUB_TOKEN; an App's token in INFINITY_APP_TOKEN is meant for it.")
    if home.single_credential:
        output.complain(
            "One token both reads and writes, which records will say (single_credential); a second one in "
            "PENSTOCK_READ_TOKEN, with read permissions only, keeps reading from writing."
        )
    for key in unused_keys(config):
        output.complain(f"`{key}` is configured, and nothing acts on it yet.")
