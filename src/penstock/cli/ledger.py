"""The proof ledger at the command line."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from penstock.adapters.store.evidence import Report
from penstock.adapters.store.proof import verify_file
from penstock.adapters.store.seal import KEY_FILE
from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.looking import find_change, named, sorted_out
from penstock.cli.options import begun
from penstock.cli.promoted import known
from penstock.cli.telling import told
from penstock.core.autonomy.events import GovernanceEvent
from penstock.core.autonomy.model import GOVERNANCE, Governance
from penstock.core.change.events import Event
from penstock.core.change.journal import Appended, Duplicate
from penstock.core.ledger import Break, plain
from penstock.flows.views import needed_texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An export to verify (default: this installation's ledger), the key to trust, an earlier export."""

    file: Path | None = None
    key: Path | None = None
    against: Path | None = None


def verify(given: Given, *, json: bool) -> Exit:
    """Of this installation, or of an export, which needs no installation."""
    file = given.file
    absent = [path for path in (file, given.against) if path and not path.is_file()]
    if absent:
        output.complain(f"{absent[0]}: there is no such file")
        return Exit.WRONG_USE
    report = verify_file(file, given.key, given.against) if file else begun().proof.verify(given.against)
    if json:
        output.as_json(report)
        return Exit.DONE if report.holds else Exit.LEDGER
    if report.holds:
        _tell_held(report, given)
        return Exit.DONE
    if report.malformed:
        output.out.print(Text(f"{file}: {report.malformed}", style="red"))
    for broken in report.breaks:
        output.out.print(Text(f"{broken.change} record {broken.n}: {broken.problem}", style="red"))
    output.say("The ledger does not hold. Nothing was changed; compare with an earlier export.")
    return Exit.LEDGER


def _tell_held(report: Report, given: Given) -> None:
    erased = f", {report.erased} of them erased" if report.erased else ""
    counted = f"{report.changes} changes, {report.records} records, {report.texts} texts{erased}"
    keys = ", ".join(report.keys)
    if report.self_named:
        output.out.print(Text(f"The file agrees with itself: {counted}.", style="yellow"))
        output.out.print(
            Text(
                f"Its seals were checked with key {keys}, which is trusted only because the file itself names it: "
                "whoever can write the file can seal it anew. To know whose it is, take the key from the installation:"
            )
        )
        output.to_type(f"ledger verify {shlex.quote(str(given.file))} --key <state>/{KEY_FILE}.pub")
        return
    output.out.print(Text(f"The ledger holds: {counted}; sealed by key {keys}.", style="green"))
    if given.against:
        output.out.print(Text(f"Everything in {given.against} is still there.", style="green"))


def show(home: Installation, name: str, *, json: bool) -> Exit:
    if name == GOVERNANCE:
        return _show_governance(home, json=json)
    change = find_change(home, name)
    if change is None:
        return Exit.NO
    entries = home.store.reader.entries(change.id)
    if json:
        output.as_json(entries)
        return Exit.DONE
    table = _records()
    for entry in entries:
        said = told(entry.event, change, home.known_web_address) or Text(_facts(entry.event), style="dim")
        table.add_row(str(entry.n), f"{entry.at.astimezone():%H:%M:%S}", entry.event.kind, said)
    output.out.print(table)
    return Exit.DONE


def _show_governance(home: Installation, *, json: bool) -> Exit:
    entries = home.store.governance.entries()
    if json:
        output.as_json(entries)
        return Exit.DONE
    table = _records()
    for entry in entries:
        said = Text(_facts(entry.event), style="dim")
        table.add_row(str(entry.n), f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}", entry.event.kind, said)
    output.out.print(table)
    return Exit.DONE


def _records() -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("n", "time", "kind", "what"):
        table.add_column(column, overflow="fold")
    return table


def _facts(event: Event | GovernanceEvent) -> str:
    """An event's short facts, for what has no sentence of its own."""
    body = plain(event)
    facts = body.items() if isinstance(body, dict) else ()
    return "  ".join(
        f"{name} {value}"
        for name, value in facts
        if name != "kind" and isinstance(value, str) and 0 < len(value) <= 60
    )


def export(home: Installation, file: Path) -> Exit:
    lines = (f"{line}\n" for line in home.proof.export())
    if str(file) == "-":
        sys.stdout.writelines(lines)
        return Exit.DONE
    temporary = file.with_name(f"{file.name}.tmp")
    with temporary.open("w") as writing:
        writing.writelines(lines)
    temporary.replace(file)
    output.say(escape(f"Exported to {file}. It can be checked anywhere:"))
    output.to_type(f"ledger verify {shlex.quote(str(file))}")
    return Exit.DONE


def erase(home: Installation, blob: str, reason: str, *, force: bool, json: bool) -> Exit:
    """An open change that is decided by the text would stop, so that has to be meant."""
    kept = Exit.DONE if force else _kept(home, blob)
    if kept:
        return kept
    outcome = home.erase(blob, reason)
    done = isinstance(outcome, Appended | Governance)
    if json:
        output.as_json({"blob": blob, "erased": done})
    elif done:
        output.say(f"Erased {blob}. The ledger still verifies, and says that it was erased.")
    elif isinstance(outcome, Duplicate):
        output.complain(f"{blob} was erased already.")
    elif isinstance(outcome, Break):
        output.complain(outcome.sentence)
    else:
        output.complain(f"There is no text {blob}; `penstock ledger show CHANGE --json` names them.")
    return Exit.DONE if done else Exit.NO


def _kept(home: Installation, blob: str) -> Exit:
    """Say which open change or policy in force needs the text, or could: it stays then, and this is the exit code."""
    found, broken = sorted_out(home, ended=False)
    needing = [change.id for change in found if blob in needed_texts(change)]
    if needing:
        output.complain(
            f"{', '.join(needing)} is still open and needs this text, so erasing it would stop it. "
            "Cancel it first, or erase all the same with --force."
        )
        return Exit.NO
    decided = known(home)
    in_force = [one.id for one in decided.governance.promoted if one.text == blob]
    if in_force:
        output.complain(
            f"{in_force[0]} is a policy in force and needs this text: without it nothing is allowed. "
            "Take it back first, or erase all the same with --force."
        )
        return Exit.NO
    if broken or decided.unheld:
        output.complain("Whether this text is still needed cannot be told; --force erases it all the same.")
    return named(broken) or decided.exit
