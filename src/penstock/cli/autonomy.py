"""The command groups `autonomy` and `quarantine`."""

from typing import Annotated

import typer

from penstock.cli.options import Json, Reason, begun, leave
from penstock.core.policy.rules import Tier

autonomy_app = typer.Typer(no_args_is_help=True, help="Where policy may approve in a person's place.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Drafts only, no merges, until a person lifts it.")


@autonomy_app.command("list")
def autonomy_list(json: Json = False) -> None:
    """Each cell's outcomes, failures and bound, and whether autonomy is held there or what it lacks; grants; and today's
    pull requests that no person approved."""
    from penstock.cli import standing

    leave(standing.show(begun(), json=json))


@autonomy_app.command("grant")
def autonomy_grant(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="An agent, or a recipe.")],
    repositories: Annotated[
        str, typer.Argument(metavar="CLASS", help="A class of `autonomy.classes`, or other.")
    ],
    tier: Annotated[Tier, typer.Argument(metavar="RISK", help="low or medium.")],
    reason: Reason = "",
    *,
    days: Annotated[int, typer.Option("--days", help="How long.")] = 30,
    cap: Annotated[int, typer.Option("--cap", help="For how many pull requests.")] = 10,
    json: Json = False,
) -> None:
    """Let policy approve this agent's work in these repositories at this risk, for a while. 1 where it is refused."""
    from penstock.cli import governing

    wish = governing.Wish(agent=agent, repositories=repositories, tier=tier, days=days, cap=cap)
    leave(governing.grant(begun(), wish, reason, json=json))


@autonomy_app.command("revoke")
def autonomy_revoke(
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="Its id, as `autonomy list` prints it.")],
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Take a grant back."""
    from penstock.cli import governing

    leave(governing.revoke(begun(), grant, reason, json=json))


@quarantine_app.command("show")
def quarantine_show(json: Json = False) -> None:
    """Every holder of toggles, what it sets, and what holds for all. 4 in quarantine, which a person lifts."""
    from penstock.cli import governing

    leave(governing.toggles(begun(), json=json))


@quarantine_app.command("lift")
def quarantine_lift(reason: Reason = "", json: Json = False) -> None:
    """Lift the quarantine that Penstock set itself. 1 where it is refused, or there is none."""
    from penstock.cli import governing

    leave(governing.lift(begun(), reason, json=json))
