"""What a token may do with a repository, told before work depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.adapters.github import needs, wire
from penstock.adapters.github.account import repo_path
from penstock.adapters.github.credential import single_credential
from penstock.adapters.github.failures import Refused, not_in_plan, not_protected
from penstock.adapters.github.needs import Need
from penstock.adapters.github.reading import ReadClient
from penstock.core.refs import RepoRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`missing` was refused. `unproven` is what a token with fine-grained permissions only shows by writing."""

    login: str
    missing: tuple[Need, ...]
    unproven: tuple[Need, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each missing permission: which, and for what."""
        return tuple(f"{need.words} is missing, to {need.purpose}" for need in self.missing)


def check_access(client: ReadClient, repo: RepoRef, *, judges: bool, writes: bool) -> Access:
    """Ask for one of everything that the token is to read, and compare scopes and role with what it is to write.

    `judges`: it also reads what decisions rest on (checks, protection), which a token that only writes need not.
    Raises Permanent `unauthorized` where the token is not valid at all.
    """
    login = client.login()
    found = client.find(repo_path(repo), wire.Repository, needs.REPOSITORY)
    if found is None:
        return Access(login=login, missing=(needs.REPOSITORY,), unproven=())
    branch = found.default_branch
    unread = tuple(
        need
        for need, parts in (*_looking(branch), *(_judging(branch) if judges else ()))
        if not _readable(client, repo_path(repo, *parts), need)
    )
    if not writes:
        return Access(login=login, missing=unread, unproven=())
    granted = client.account.credential.granted
    if granted is not None:
        return Access(login=login, missing=unread + _not_granted(granted), unproven=())
    scopes = client.scopes()
    if scopes is not None:
        return Access(login=login, missing=unread + _beyond(scopes, private=found.private), unproven=())
    if found.permissions is not None and not found.permissions.push:
        return Access(login=login, missing=(*unread, *needs.WRITES), unproven=())
    return Access(login=login, missing=unread, unproven=needs.WRITES)


def lacking(repo: RepoRef, *, reader: ReadClient, writer: ReadClient) -> tuple[str, ...]:
    """A sentence for each permission that the two tokens lack together; one token may be both."""
    one = single_credential(reader.account.credential, writer.account.credential)
    checks = ((writer, True, True),) if one else ((reader, True, False), (writer, False, True))
    return tuple(
        f"{sentence} (the token in {client.account.credential.source})"
        for client, judges, writes in checks
        for sentence in check_access(client, repo, judges=judges, writes=writes).sentences
    )


Probes = tuple[tuple[Need, tuple[str, ...]], ...]


def _looking(branch: str) -> Probes:
    """What is looked at before and after a write."""
    return (
        (needs.CONTENTS, ("git", "ref", "heads", *branch.split("/"))),
        (needs.ISSUES, ("issues",)),
        (needs.PULLS, ("pulls",)),
        (needs.RUNS, ("actions", "runs")),
    )


def _judging(branch: str) -> Probes:
    """What a judgement rests on."""
    return (
        (needs.PROTECTION, ("branches", branch, "protection")),
        (needs.RULES, ("rules", "branches", branch)),
        (needs.CHECKS, ("commits", branch, "check-runs")),
        (needs.STATUSES, ("commits", branch, "status")),
    )


def _readable(client: ReadClient, path: str, need: Need) -> bool:
    """GitHub hides protection behind a 404 of other words; elsewhere a 404 is something that is not there."""
    try:
        client.get(path, wire.Anything, need)
    except Refused as refusal:
        if refusal.status == 404:
            return need is not needs.PROTECTION or not_protected(refusal)
        return refusal.status != 403 or not_in_plan(refusal)
    return True


def _not_granted(granted: Mapping[str, str]) -> tuple[Need, ...]:
    """What an App's installation does not permit writing."""
    return tuple(need for need in needs.WRITES if granted.get(need.permission.partition("=")[0]) != "write")


def _beyond(scopes: frozenset[str], *, private: bool) -> tuple[Need, ...]:
    """What a classic token's scopes do not reach: `repo` (or `public_repo`) and `workflow`."""
    enough = "repo" in scopes or ("public_repo" in scopes and not private)
    lacking = () if enough else tuple(need for need in needs.WRITES if need is not needs.WRITE_WORKFLOWS)
    return lacking if "workflow" in scopes else (*lacking, needs.WRITE_WORKFLOWS)
