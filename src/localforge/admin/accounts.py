"""`admin`: accounts, tokens and repositories, one at a time or several in a row."""

import argparse
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb and its own verbs."""
    admin = verb(verbs, "admin", run, "create accounts, tokens and repositories")
    things = _add_things(admin)
    things.add_parser("lines", help="create what each line of standard input says, as in: user ann")


def _add_things(parser: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    things = parser.add_subparsers(dest="verb", required=True)
    user = things.add_parser("user", help="create a user")
    user.add_argument("login")
    user.add_argument("--name")
    user.add_argument("--email")
    org = things.add_parser("org", help="create an organization")
    org.add_argument("login")
    org.add_argument("--owner", required=True, help="login of its first owner")
    member = things.add_parser("member", help="add a user to an organization")
    member.add_argument("org")
    member.add_argument("user")
    member.add_argument("--role", choices=["admin", "member"], default="member")
    token = things.add_parser("token", help="create a token and print it")
    token.add_argument("user")
    token.add_argument(
        "--scope", action="append", default=[], help="of a classic token, e.g. repo; repeatable"
    )
    token.add_argument(
        "--permission",
        action="append",
        default=[],
        metavar="NAME=LEVEL",
        help="of a fine-grained token, e.g. contents=read; repeatable",
    )
    _add_apps(things)
    repo = things.add_parser("repo", help="create a repository")
    repo.add_argument("name", metavar="OWNER/NAME")
    repo.add_argument("--private", action="store_true")
    repo.add_argument("--from", dest="clone", type=Path, help="a local git clone to copy; it is only read")
    return things


def _add_apps(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    app = things.add_parser("app", help="register a GitHub App and print its id")
    app.add_argument("name")
    app.add_argument("--owner", required=True, help="login of a user or an organization")
    app.add_argument("--key", type=Path, required=True, help="the file that its private key is written to")
    app.add_argument(
        "--permission",
        action="append",
        default=[],
        metavar="NAME=LEVEL",
        help="e.g. contents=write; repeatable",
    )
    app.add_argument("--event", action="append", default=[], help="that its hook is told of; repeatable")
    app.add_argument("--webhook", metavar="URL", help="where it is told")
    app.add_argument("--webhook-secret-file", type=Path, help="holds what deliveries are signed with")
    install = things.add_parser(
        "install", help="install an App on an account and print the installation's id"
    )
    install.add_argument("app", help="the App's slug or id")
    install.add_argument("account")
    install.add_argument(
        "--repo", action="append", metavar="NAME", help="only on this repository; repeatable (default: all)"
    )


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Create one thing, or what the lines of standard input say."""
    from localforge import seed

    match options.verb:
        case "lines":
            return _run_each(forge, sys.stdin)
        case "user":
            seed.create_user(forge, options.login, name=options.name, email=options.email)
        case "org":
            seed.create_org(forge, options.login, owner=seed.account(forge, options.owner))
        case "member":
            org, user = seed.account(forge, options.org), seed.account(forge, options.user)
            seed.add_member(forge, org, user, role=options.role)
        case "token":
            print(_new_token(forge, options))  # noqa: T201 (the command's answer)
        case "app":
            print(_new_app(forge, options))  # noqa: T201 (the command's answer)
        case "install":
            print(_installed(forge, options))  # noqa: T201 (the command's answer)
        case "repo":
            owner, _, name = options.name.partition("/")
            account = seed.account(forge, owner)
            seed.create_repo(forge, account, name, private=options.private, clone=options.clone)
    return 0


def _run_each(forge: "Forge", lines: Iterable[str]) -> int:
    """In their order; the first that is refused ends it, and what those before it made stays."""
    parser = argparse.ArgumentParser(prog="localforge admin lines")
    _add_things(parser)
    for line in lines:
        run(forge, parser.parse_args(shlex.split(line)))
    return 0


def _new_token(forge: "Forge", options: argparse.Namespace) -> str:
    from localforge import seed

    user = seed.account(forge, options.user)
    if not options.permission:
        return seed.create_token(forge, user, *options.scope)
    return seed.create_fine_grained_token(forge, user, _permissions(options.permission))


def _new_app(forge: "Forge", options: argparse.Namespace) -> int:
    from localforge import seed
    from localforge.apps.registering import Blueprint

    secret_file: Path | None = options.webhook_secret_file
    blueprint = Blueprint(
        name=options.name,
        permissions=_permissions(options.permission),
        events=options.event,
        webhook_url=options.webhook,
        webhook_secret=secret_file.read_text().strip() if secret_file else "",
    )
    key: Path = options.key
    key.touch(mode=0o600)  # before there is a key that could not be written
    registered = seed.create_app(forge, seed.account(forge, options.owner), blueprint)
    key.write_text(registered.private_key)
    return registered.app.id


def _installed(forge: "Forge", options: argparse.Namespace) -> int:
    from localforge import seed
    from localforge.store import apps, repos

    db, name = forge.store.db, options.app
    app = apps.by_id(db, int(name)) if name.isdecimal() else apps.by_slug(db, name)
    if app is None:
        raise ValueError(f"there is no App {name}: register it first")
    account = seed.account(forge, options.account)
    chosen = None if options.repo is None else [repos.by_name(db, account.login, it) for it in options.repo]
    if chosen is not None and None in chosen:
        raise ValueError(f"not every repository of {', '.join(options.repo)} is there: create it first")
    found = None if chosen is None else [repo for repo in chosen if repo]
    return seed.install_app(forge, app, account, repositories=found).id


def _permissions(texts: Sequence[str]) -> dict[str, str]:
    permissions = {}
    for text in texts:
        name, _, level = text.partition("=")
        if level not in {"read", "write"}:
            raise ValueError(f"--permission {text}: write NAME=read or NAME=write")
        permissions[name] = level
    return permissions
