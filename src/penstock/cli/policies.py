"""The command group `policy`."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import ChangeName, Json, Reason, begun, leave, opened

policy_app = typer.Typer(no_args_is_help=True, help="What the policy says, and what another one would.")

Candidate = Annotated[
    Path, typer.Argument(metavar="CANDIDATE.yml", help="A configuration, as config/orchestrator.yml.")
]

AsLayer = Annotated[
    bool,
    typer.Option("--layer", help="CANDIDATE.yml is a layer under today's policy, as `promote` takes it."),
]
Promoted = Annotated[
    Path, typer.Argument(metavar="CANDIDATE.yml", help="A layer: it tightens what is in force today.")
]
Proposal = Annotated[str, typer.Argument(metavar="PROPOSAL", help="Its id, as `policy history` prints it.")]


@policy_app.command("check")
def policy_check(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help="A change, REPOSITORY#NUMBER (a pull request), or a patch with --in."
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option(
            "--in",
            help="WHAT is a patch (- for standard input), onto this clone or folder.",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="Paths that a patch may change; repeatable (default: all).", show_default=False
        ),
    ] = None,
    of: Annotated[
        str,
        typer.Option(
            "--of",
            metavar="REPOSITORY",
            help="The repository at the forge that a patch is of: its alerts are asked, too.",
            show_default=False,
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Judge what git would make of it by today's policy. Ends with 0 approved, 4 a person has to look, 1 blocked."""
    from penstock.cli import judging

    repository, hash_sign, number = subject.partition("#")
    if source:
        onto = judging.Onto(source=source, scope=tuple(scope or ()), of=of)
        leave(judging.check_patch(opened(), subject, onto, json=json))
    elif hash_sign and number.isascii() and number.isdigit():
        leave(judging.check_pull(opened(), repository, int(number), json=json))
    else:
        home = begun()
        leave(judging.check_change(home, subject, home.rules.layered, json=json))


@policy_app.command("show")
def policy_show(
    layer: Annotated[
        Path | None,
        typer.Argument(
            metavar="[LAYER.yml]",
            help="A repository's .infinity/policy.yml: checked, and shown with what is above it.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """The policy as its layers make it: each value, and the file and line that it comes from."""
    from penstock.cli import layers

    leave(layers.show(opened(), layer, json=json))


@policy_app.command("simulate")
def policy_simulate(
    change: ChangeName, candidate: Candidate, layer: AsLayer = False, json: Json = False
) -> None:
    """Judge a recorded change as if this were the policy. Nothing is recorded."""
    from penstock.cli import judging

    home = begun()
    policy = judging.candidate_of(home, candidate, layer=layer)
    leave(judging.check_change(home, change, policy, json=json))


@policy_app.command("backtest")
def policy_backtest(candidate: Candidate, layer: AsLayer = False, json: Json = False) -> None:
    """Try a policy on every recorded change: what it would have let through, and what became of that."""
    from penstock.cli import judging

    home = begun()
    leave(judging.try_candidate(home, judging.candidate_of(home, candidate, layer=layer), json=json))


@policy_app.command("promote")
def policy_promote(layer: Promoted, reason: Reason, json: Json = False) -> None:
    """Propose a layer with its backtest, for somebody else to approve. 4 where that is waited for, 1 refused."""
    from penstock.cli import promoting

    leave(promoting.promote(begun(), layer, reason, json=json))


@policy_app.command("approve")
def policy_approve(proposal: Proposal, reason: Reason, json: Json = False) -> None:
    """Put a proposed layer in force, from now on and in what runs already. 1 where that is refused."""
    from penstock.cli import promoting

    leave(promoting.approve(begun(), proposal, reason, json=json))


@policy_app.command("revert")
def policy_revert(
    reason: Reason,
    proposal: Annotated[
        str, typer.Argument(metavar="[PROPOSAL]", help="Default: the only one that is in force.")
    ] = "",
    json: Json = False,
) -> None:
    """Take a promoted layer back, or withdraw one that is proposed. 1 where that is refused."""
    from penstock.cli import promoting

    leave(promoting.revert(begun(), proposal, reason, json=json))


@policy_app.command("history")
def policy_history(
    proposal: Annotated[
        str, typer.Argument(metavar="[PROPOSAL]", help="All about this one, with its text.")
    ] = "",
    json: Json = False,
) -> None:
    """What was proposed, what is in force, and what was taken back: by whom, when and why."""
    from penstock.cli import promoting

    leave(promoting.history(begun(), proposal, json=json))
