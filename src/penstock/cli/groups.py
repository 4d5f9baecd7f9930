"""The command groups: `changes`, `approvals`, `ledger`, `route`."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import ChangeName, Digests, Json, Reason, Repos, begun, leave, opened

changes_app = typer.Typer(
    no_args_is_help=True, help="Changes: what they are, what they would do, stopping and resuming them."
)
approvals_app = typer.Typer(no_args_is_help=True, help="What waits for a person, and giving the answer.")
ledger_app = typer.Typer(no_args_is_help=True, help="The proof ledger.")
route_app = typer.Typer(no_args_is_help=True, help="The routing rules: who would run for a signal, and why.")


@changes_app.command("list")
def changes_list(
    every: Annotated[bool, typer.Option("--all", help="Ended ones, too.")] = False, json: Json = False
) -> None:
    """Changes that are open."""
    from penstock.cli import looking

    leave(looking.changes(begun(), every=every, json=json))


@changes_app.command("show")
def changes_show(
    change: ChangeName,
    artifacts: Annotated[bool, typer.Option("--artifacts", help="The documents in full, too.")] = False,
    json: Json = False,
) -> None:
    """Everything about one change."""
    from penstock.cli import looking

    leave(looking.show(begun(), change, artifacts=artifacts, json=json))


@changes_app.command("diff")
def changes_diff(change: ChangeName, repos: Repos = None, json: Json = False) -> None:
    """What it would change, repository by repository."""
    from penstock.cli import looking

    leave(looking.diff(begun(), change, tuple(repos or ()), json=json))


@changes_app.command("cancel")
def changes_cancel(
    change: ChangeName,
    reason: Reason = "",
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Revert what it merged, dependents first.")
    ] = False,
    json: Json = False,
) -> None:
    """Stop it; close what it begun. What it merged stays, unless --rollback."""
    from penstock.cli import deciding

    leave(deciding.cancel(begun(), change, deciding.Words(reason=reason, json=json), rollback=rollback))


@changes_app.command("resume")
def changes_resume(
    change: ChangeName,
    protected: Annotated[
        list[str] | None,
        typer.Option("--protected", help="A protected path (glob) that is in its scope from now on."),
    ] = None,
    json: Json = False,
) -> None:
    """Let it go on after it needed a person or was blocked."""
    from penstock.cli import deciding

    leave(deciding.resume(begun(), change, tuple(protected or ()), json=json))


@approvals_app.command("list")
def approvals_list(json: Json = False) -> None:
    """Everything that waits for an approval."""
    from penstock.cli import deciding

    leave(deciding.list_pending(begun(), json=json))


@approvals_app.command("approve")
def approvals_approve(
    change: ChangeName,
    digest: Digests = None,
    repos: Repos = None,
    merge: Annotated[bool, typer.Option("--merge", help="Approve the merges, not the patch sets.")] = False,
    json: Json = False,
) -> None:
    """Approve patch sets, or with --merge their merges: all that wait, or those named."""
    from penstock.cli import deciding

    chosen = deciding.Chosen(digests=tuple(digest or ()), repos=tuple(repos or ()), merge=merge)
    leave(deciding.approve(begun(), change, chosen, json=json))


@approvals_app.command("reject")
def approvals_reject(
    change: ChangeName, digest: Digests = None, repos: Repos = None, reason: Reason = "", json: Json = False
) -> None:
    """Reject a patch set. A change is all or nothing, so this ends it."""
    from penstock.cli import deciding

    chosen = deciding.Chosen(digests=tuple(digest or ()), repos=tuple(repos or ()))
    leave(deciding.reject(begun(), change, chosen, deciding.Words(reason=reason, json=json)))


@approvals_app.command("request-changes")
def approvals_request_changes(
    change: ChangeName, reason: Reason, digest: Digests = None, repos: Repos = None, json: Json = False
) -> None:
    """Send a patch set back with your words."""
    from penstock.cli import deciding

    chosen = deciding.Chosen(digests=tuple(digest or ()), repos=tuple(repos or ()))
    leave(deciding.request_changes(begun(), change, chosen, deciding.Words(reason=reason, json=json)))


@approvals_app.command("revoke")
def approvals_revoke(
    change: ChangeName,
    approval: Annotated[str, typer.Argument(help="The approval's id, as `changes show` prints it.")],
    json: Json = False,
) -> None:
    """Take an approval back, as long as what it unlocks is not written."""
    from penstock.cli import deciding

    leave(deciding.revoke(begun(), change, approval, json=json))


@ledger_app.command("verify")
def ledger_verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="An export; default: this installation's ledger.", show_default=False),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="The public key to trust for an export.", show_default=False)
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="An earlier export: all of it must still be there.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check every chain, seal and text; name the first bad record."""
    from penstock.cli import ledger

    leave(ledger.verify(ledger.Given(file=file, key=key, against=against), json=json))


@ledger_app.command("show")
def ledger_show(change: ChangeName, json: Json = False) -> None:
    """A change's records, oldest first."""
    from penstock.cli import ledger

    leave(ledger.show(begun(), change, json=json))


@ledger_app.command("export")
def ledger_export(
    file: Annotated[Path, typer.Argument(help="Where to write it; - for standard output.")],
) -> None:
    """Write the ledger as JSON lines that verify without this database."""
    from penstock.cli import ledger

    leave(ledger.export(begun(), file))


@ledger_app.command("erase")
def ledger_erase(
    blob: Annotated[str, typer.Argument(help="The text's name, as `ledger show` prints it.")],
    reason: Reason,
    force: Annotated[bool, typer.Option("--force", help="Also where an open change needs it.")] = False,
    json: Json = False,
) -> None:
    """Delete one text for good, on record. The chain still verifies."""
    from penstock.cli import ledger

    leave(ledger.erase(begun(), blob, reason, force=force, json=json))


@route_app.command("explain")
def route_explain(
    file: Annotated[
        str,
        typer.Argument(
            metavar="EVENT.json", help="A delivery's payload, or facts by their names; - for standard input."
        ),
    ],
    event: Annotated[
        str, typer.Option("--event", help="Whose payload it is, where the file does not say.")
    ] = "",
    json: Json = False,
) -> None:
    """Who would run for a signal, and why: every rule that asks about it, part by part. 1 where nobody would."""
    from penstock.cli import routing

    leave(routing.explain(opened(), file, event, json=json))


@route_app.command("test")
def route_test(json: Json = False) -> None:
    """Try the examples in routing-examples.yml beside the configuration. 1 where one does not hold, 2 without any."""
    from penstock.cli import routing

    leave(routing.test(opened(), json=json))
