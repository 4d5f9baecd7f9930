"""`admin`: accounts, tokens and repositories, one at a time."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from localforge.admin.verb import Verbs, verb

if TYPE_CHECKING:
    from localforge.forge import Forge


def add(verbs: Verbs) -> None:
    """Add the verb and its own verbs."""
    admin = verb(verbs, "admin", run, "create accounts, tokens and repositories")
    things = admin.add_subparsers(dest="verb", required=True)
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
    repo = things.add_parser("repo", help="create a repository")
    repo.add_argument("name", metavar="OWNER/NAME")
    repo.add_argument("--private", action="store_true")
    repo.add_argument("--from", dest="clone", type=Path, help="a local git clone to copy; it is only read")


def run(forge: "Forge", options: argparse.Namespace) -> int:
    """Create one thing."""
    from localforge import seed

    match options.verb:
        case "user":
            seed.create_user(forge, options.login, name=options.name, email=options.email)
        case "org":
            seed.create_org(forge, options.login, owner=seed.account(forge, options.owner))
        case "member":
            org, user = seed.account(forge, options.org), seed.account(forge, options.user)
            seed.add_member(forge, org, user, role=options.role)
        case "token":
            print(_new_token(forge, options))  # noqa: T201 (the command's answer)
        case "repo":
            owner, _, name = options.name.partition("/")
            account = seed.account(forge, owner)
            seed.create_repo(forge, account, name, private=options.private, clone=options.clone)
    return 0


def _new_token(forge: "Forge", options: argparse.Namespace) -> str:
    from localforge import seed

    user = seed.account(forge, options.user)
    if not options.permission:
        return seed.create_token(forge, user, *options.scope)
    permissions = {}
    for text in options.permission:
        name, _, level = text.partition("=")
        if level not in {"read", "write"}:
            raise ValueError(f"--permission {text}: write NAME=read or NAME=write")
        permissions[name] = level
    return seed.create_fine_grained_token(forge, user, permissions)
