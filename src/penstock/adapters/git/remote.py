"""Fetching and pushing: the credential travels in the environment, to one server only, and failures are told apart."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from penstock.adapters.git.command import Git
from penstock.core.ledger import sha256
from penstock.ports import Permanent, Transient

FETCH_SECONDS = PUSH_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A token, and the address of the one server (scheme, host and port) that may see it."""

    token: str = field(repr=False)
    to: str


Credential = Callable[[], Shown | None]
"""Asked for anew each time; None where nothing is needed."""

_SCHEMES = frozenset({"http", "https", "file"})
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^[-/]|/$|\.lock$|//")
_REFUSED = (
    (
        re.compile(r"couldn't find remote ref|not our ref|no such remote ref"),
        "no_ref",
        "The branch, tag or commit is gone at the forge.",
    ),
    (
        re.compile(r"not found|does not exist|does not appear to be a git repository|returned error: 404"),
        "no_repository",
        "The repository is gone, or the credential may not see it.",
    ),
    (
        re.compile(r"Authentication failed|could not read Username|returned error: 40[13]|Permission denied"),
        "no_access",
        "The credential may not: it needs the permission Contents, to read or to write.",
    ),
    (
        re.compile(r"returned error: 30[12378]"),
        "redirected",
        "The server sends git elsewhere, and there the credential must not go.",
    ),
)


def fetch(git: Git, url: str, refs: Sequence[str], credential: Credential) -> None:
    """Bring the commits of branches (a plain name), full refs (`refs/…`) or commit ids, with their history.

    History is needed to merge; blobs are not left out, since a later lazy fetch would need the network and the
    credential in places that must have neither.
    """
    _check(url)
    wanted = [_refspec(ref) for ref in refs if not (_COMMIT.fullmatch(ref) and _has(git, ref))]
    if not wanted:
        return
    authorized = git.with_environment(**_authorization(url, credential()))
    options = (
        "--no-tags",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        "--no-write-fetch-head",
        "--quiet",
    )
    ended = authorized.end("fetch", *options, "--", url, *wanted, seconds=FETCH_SECONDS)
    if ended.code:
        raise _failure(f"cannot fetch from {_without_password(url)}", ended.complaint)


def push(git: Git, url: str, branch: str, credential: Credential) -> None:
    """Put a branch in the place of whatever has its name there."""
    _check(url)
    authorized = git.with_environment(**_authorization(url, credential()))
    ref = f"refs/heads/{branch}"
    ended = authorized.end("push", "--quiet", "--", url, f"+{ref}:{ref}", seconds=PUSH_SECONDS)
    if ended.code:
        raise _failure(f"cannot push to {_without_password(url)}", ended.complaint)


def _check(url: str) -> None:
    if urlsplit(url).scheme not in _SCHEMES:
        raise Permanent("bad_url", f"{_without_password(url)!r} is no http, https or file URL")


def _refspec(ref: str) -> str:
    """Where a ref is kept here: a name made of its digest cannot clash with another as file and folder."""
    if _BAD_REF.search(ref):
        raise Permanent("bad_ref", f"{ref!r} is no name of a branch, tag or commit")
    source = ref if ref.startswith("refs/") or _COMMIT.fullmatch(ref) else f"refs/heads/{ref}"
    return f"+{source}:refs/penstock/{sha256(source.encode()).removeprefix('sha256:')}"


def _has(git: Git, commit: str) -> bool:
    return git.end("cat-file", "-e", f"{commit}^{{tree}}").code == 0


def _authorization(url: str, shown: Shown | None) -> dict[str, str]:
    """Git's configuration through the environment: not seen in a process list, and sent to this server only.

    A clone URL is the forge's word; where it leads to another server, nothing is shown there.
    """
    parts = urlsplit(url)
    if shown is None or _server(parts) is None or _server(parts) != _server(urlsplit(shown.to)):
        return {}
    basic = base64.b64encode(f"x-access-token:{shown.token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def _server(parts: SplitResult) -> tuple[str, str | None, int] | None:
    """Scheme, host and port; None for what is no http(s) address."""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        return None if usual is None else (parts.scheme, parts.hostname, parts.port or usual)
    except ValueError:  # a port that is no number
        return None


def _failure(what: str, complaint: str) -> Permanent | Transient:
    last = complaint.splitlines()[-1] if complaint else "git said nothing"
    for pattern, code, advice in _REFUSED:
        if pattern.search(complaint):
            return Permanent(code, f"{what}: {last}. {advice}")
    return Transient("unreachable", f"{what}: {last}")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
