"""`actions/checkout`, built in: the same result from git commands that run inside the sandbox."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

_SHA = re.compile(r"[0-9a-f]{40}")
_UNDERSTOOD = frozenset(
    {"repository", "ref", "token", "path", "fetch-depth", "clean", "persist-credentials", "fetch-tags"}
)
_HARMLESS = frozenset(
    {
        "submodules",
        "lfs",
        "show-progress",
        "set-safe-directory",
        "github-server-url",
        "ssh-strict",
        "ssh-user",
    }
)

# Values arrive in the environment, never in the script.
SCRIPT = r"""
set -euo pipefail
set -f
git() { command git -c protocol.version=2 -c advice.detachedHead=false "$@"; }
mkdir -p "$TARGET"
cd "$TARGET"
if [ -d .git ] && [ "$(git config --get remote.origin.url || true)" != "$URL" ]; then rm -rf .git; fi
[ -d .git ] || git init --quiet .
git remote get-url origin >/dev/null 2>&1 || git remote add origin "$URL"
if [ -n "$HEADER" ]; then
  git config --local --replace-all "http.$SERVER/.extraheader" ""
  git config --local --add "http.$SERVER/.extraheader" "$HEADER"
fi
fetch() { git fetch --no-tags --no-recurse-submodules --quiet $DEPTH $TAGS origin "$@"; }
[ -z "$ALL" ] || git fetch --tags --prune --no-recurse-submodules --quiet origin '+refs/heads/*:refs/remotes/origin/*'
case "$KIND" in
  branch) fetch "+$SHA:refs/remotes/origin/$NAME"; git checkout --quiet --force -B "$NAME" "refs/remotes/origin/$NAME" ;;
  tag) fetch "+$SHA:refs/tags/$NAME"; git checkout --quiet --force "refs/tags/$NAME" ;;
  pull) fetch "+$SHA:refs/remotes/pull/$NAME"; git checkout --quiet --force "refs/remotes/pull/$NAME" ;;
  sha) fetch "$SHA"; git checkout --quiet --force "$SHA" ;;
  default) fetch HEAD; git checkout --quiet --force FETCH_HEAD ;;
  ref)
    if fetch "+refs/heads/$NAME:refs/remotes/origin/$NAME" 2>/dev/null; then
      git checkout --quiet --force -B "$NAME" "refs/remotes/origin/$NAME"
    elif fetch "+refs/tags/$NAME:refs/tags/$NAME" 2>/dev/null; then
      git checkout --quiet --force "refs/tags/$NAME"
    elif fetch "$NAME"; then
      git checkout --quiet --force FETCH_HEAD
    else
      echo "::error::A branch or tag with the name '$NAME' could not be found"; exit 1
    fi ;;
esac
[ "$CLEAN" = false ] || git clean -ffdxq
git log -1 --format='%H'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The event's own repository and commit, which checkout takes unless told otherwise."""

    repository: str
    ref: str
    sha: str
    server_url: str
    workspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """The script's environment, and what to tell about inputs that mean nothing here."""

    env: Mapping[str, str]
    notes: tuple[str, ...]


class CheckoutError(Exception):
    """An input that cannot be honoured."""


def plan_checkout(inputs: Mapping[str, str], own: Own, job_token: str) -> Checkout:
    """Where to, from where, what and how deep. Raises CheckoutError."""
    repository = inputs.get("repository") or own.repository
    depth = inputs.get("fetch-depth", "1")
    if not depth.isascii() or not depth.isdigit():
        raise CheckoutError(f"fetch-depth must be a number: {depth}")
    path = inputs.get("path", "").strip("/")
    if ".." in path.split("/"):
        raise CheckoutError(f"Repository path '{path}' is not under '{own.workspace}'")
    kind, name, sha = _what(inputs.get("ref", ""), repository, own)
    token = inputs.get("token", job_token)
    foreign_token = token != job_token and inputs.get("persist-credentials") != "false"
    env = {
        "TARGET": f"{own.workspace}/{path}" if path else own.workspace,
        "URL": f"{own.server_url}/{repository}",
        "SERVER": own.server_url,
        "HEADER": authorization(token) if foreign_token else "",
        "KIND": kind,
        "NAME": name,
        "SHA": sha,
        "DEPTH": f"--depth={depth}" if int(depth) else "",
        "ALL": "" if int(depth) else "all",
        "TAGS": "--tags" if inputs.get("fetch-tags") == "true" else "",
        "CLEAN": inputs.get("clean", "true"),
    }
    ignored = sorted(inputs.keys() - _UNDERSTOOD - _HARMLESS)
    return Checkout(
        env=env, notes=tuple(f"The local runner ignores checkout's input '{name}'" for name in ignored)
    )


def authorization(token: str) -> str:
    """The header with which git shows a token."""
    return f"AUTHORIZATION: basic {encoded(token)}"


def encoded(token: str) -> str:
    """The token as it stands in that header: also to be hidden from logs."""
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()


def _what(ref: str, repository: str, own: Own) -> tuple[str, str, str]:
    """(kind, name, sha) of what to check out."""
    same = repository.lower() == own.repository.lower()
    if not ref and same:
        for prefix, kind in (("refs/heads/", "branch"), ("refs/tags/", "tag"), ("refs/pull/", "pull")):
            if own.ref.startswith(prefix):
                return kind, own.ref.removeprefix(prefix), own.sha
        return "sha", "", own.sha
    if not ref:
        return "default", "", ""
    if _SHA.fullmatch(ref):
        return "sha", "", ref
    return "ref", ref.removeprefix("refs/heads/").removeprefix("refs/tags/"), ""
