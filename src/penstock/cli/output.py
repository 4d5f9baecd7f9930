"""Printing: for people with Rich, for scripts as one JSON document on standard output.

What strangers wrote (titles, paths, patches) is quoted everywhere, so the two consoles themselves keep control
characters from the terminal, whatever is printed on them. Only Rich's own controls pass.
"""

import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import chop_cells
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from penstock.cli.options import Said, command
from penstock.core.change.model import State
from penstock.core.ledger import plain
from penstock.core.text import printable
from penstock.core.verdict import Outcome, Verdict
from penstock.flows.views import Details, Given, Pending, Summary

PIPE_WIDTH = 160
"""Columns where nobody looks through a terminal."""
CONTINUES = "↪ "
TAB = 8
LABEL = 10
"""Columns of the first word of a record's line, which says what kind it is."""


class Screen(Console):
    """A console on which no text can act as a control: such characters are spelt out."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


out = Screen(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Screen(stderr=True, highlight=False, soft_wrap=True)

STATE_STYLES = {
    State.DONE: "green",
    State.ROLLED_BACK: "green",
    State.WAITING_USER_APPROVAL: "magenta",
    State.NEEDS_HUMAN: "magenta",
    State.BLOCKED_POLICY: "yellow",
    State.FAILED: "red",
    State.DECLINED: "red",
    State.CANCELLED: "dim",
    State.DEFERRED: "dim",
}
MARKS = {
    Outcome.PASS: ("✓", "green"),
    Outcome.WARN: ("!", "yellow"),
    Outcome.PENDING: ("…", "blue"),
    Outcome.UNKNOWN: ("?", "magenta"),
    Outcome.BLOCK: ("✗", "red"),
}


def as_json(value: object) -> None:
    """One JSON document; the only thing on standard output then. On a terminal nothing but ASCII, so that it only says."""
    Said.document = True
    text = json.dumps(plain(value), indent=2, ensure_ascii=sys.stdout.isatty())
    sys.stdout.write(text + "\n")


def say(text: str = "") -> None:
    """A sentence with markup; commands in it stand as `penstock …`."""
    out.print(text.replace("`penstock ", f"`{escape(command())} "))


def complain(text: str) -> None:
    """What went wrong, on standard error, without markup: it may quote anything. Commands stand as `penstock …`."""
    sentence = text.replace("`penstock ", f"`{command()} ")
    Said.complaints = (*Said.complaints, sentence)
    err.print(Text(sentence))


def to_type(*commands: str) -> None:
    """Lines to type, each as it is to be typed here. What follows `  # ` says what it does."""
    for line in commands:
        words, mark, why = line.partition("  # ")
        out.print(Text.assemble(f"  {command()} {words}", (mark + why, "dim")))


def state(name: State) -> Text:
    return Text(name, style=STATE_STYLES.get(name, "blue"))


def cell(text: str) -> Text:
    """Outside text in a table: spelt out before columns are measured, so that nothing is cut off."""
    return Text(printable(text))


def hanging(stamp: Text, line: Text) -> Text:
    """A record's line, broken at words on a terminal, with what follows below its words."""
    indent = len(stamp) + LABEL
    if not out.is_terminal:
        return stamp + line
    rows = line[LABEL:].wrap(out, max(out.width - indent, LABEL))
    return Text.assemble(stamp, line[:LABEL], Text(f"\n{' ' * indent}").join(rows))


def change_table(changes: Sequence[Summary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("change", "state", "risk", "title", "repositories", "waits for"):
        table.add_column(column, overflow="fold", no_wrap=column in {"change", "state"})
    for change in changes:
        why = change.waits_for or change.reason
        repositories = ", ".join(name.split("/")[-1] for name in change.repositories)
        table.add_row(
            change.id,
            state(change.state),
            change.tier,
            cell(change.title),
            cell(repositories),
            cell(why),
        )
    return table


def pending_table(pending: Sequence[Pending]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("change", "what", "repository", "risk", "files", "lines", "digest"):
        table.add_column(column, overflow="fold")
    for one in pending:
        lines = f"+{one.additions} −{one.deletions}"
        table.add_row(
            one.change, one.scope, one.repository, one.tier, str(one.files), lines, short(one.digest)
        )
    return table


def approvals_table(approvals: Sequence[Given]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("approval", "of", "by", "at (UTC)", "digest"):
        table.add_column(column, overflow="fold")
    for one in approvals:
        table.add_row(one.id, one.scope, cell(one.by), f"{one.at:%Y-%m-%d %H:%M}", short(one.digest))
    return table


def short(digest: str) -> str:
    """Enough of a digest to tell it from others by eye; commands take it, too."""
    return digest.removeprefix("sha256:")[:12]


def brief_lines(verdict: Verdict, depth: int = 0) -> Text:
    """The tree in colour, shape, word and colour saying the same; what passed as a whole stands on one line."""
    if verdict.outcome is Outcome.PASS and depth > 1:
        return _line(verdict, depth, verdict.reason or ", ".join(_leaves(verdict)))
    parts = [
        _line(verdict, depth, verdict.reason),
        *(brief_lines(child, depth + 1) for child in verdict.children),
    ]
    return Text("\n").join(parts)


def whole_lines(verdict: Verdict, depth: int = 0) -> Text:
    """The tree in colour with every part of it."""
    parts = [whole_lines(child, depth + 1) for child in verdict.children]
    return Text("\n").join([_line(verdict, depth, verdict.reason), *parts])


def failing_lines(verdict: Verdict, depth: int = 0) -> Text:
    """The tree without what passed: where it says no, and the way there."""
    failing = [failing_lines(child, depth + 1) for child in verdict.children if not child.allows]
    return Text("\n").join([_line(verdict, depth, verdict.reason), *failing])


def _line(verdict: Verdict, depth: int, reason: str) -> Text:
    mark, style = MARKS[verdict.outcome]
    reason = " ".join(reason.split())
    rule = Text(verdict.rule, style="bold" if verdict.children else "")
    return Text.assemble(
        "  " * depth,
        (f"{mark} ", style),
        rule,
        (f"  {reason}" if reason else "", "dim" if verdict.allows else ""),
    )


def _leaves(verdict: Verdict) -> list[str]:
    """Names of the rules at the tree's ends, each once."""
    if not verdict.children:
        return [verdict.rule]
    return list(dict.fromkeys(leaf for child in verdict.children for leaf in _leaves(child)))


class Folded:
    """Lines broken at the very edge, so that every character of them is on the screen, blanks too.

    What continues a line says so in front: no patch's own line begins with that mark.
    """

    def __init__(self, text: Text) -> None:
        self._text = text

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Text]:
        width = max(options.max_width - len(CONTINUES), 1)
        for line in self._text.split("\n"):
            line.expand_tabs(TAB)
            pieces = chop_cells(line.plain, width)
            ends = list(itertools.accumulate(map(len, pieces)))
            first, *rest = line.divide(ends[:-1])
            yield first
            yield from (Text.assemble((CONTINUES, "dim"), piece) for piece in rest)


def diff(patch: str) -> Folded:
    """A patch in colours. What acts on a terminal is spelt out first: then lines are as long as they look."""
    syntax = Syntax("", "diff", theme="ansi_dark", background_color="default")
    return Folded(syntax.highlight(printable(patch.rstrip("\n"))))


def details(shown: Details) -> None:
    """A change as a person reads it from top to bottom."""
    summary = shown.summary
    out.print(Text.assemble((summary.id, "bold"), "  ", state(summary.state), f"  {summary.title}"))
    about = summary.issue or summary.origin
    origin = f"for {about}, " if about else ""
    out.print(
        Text(
            f"{origin}requested by {summary.requester}; here since {summary.since:%Y-%m-%d %H:%M:%S} UTC",
            style="dim",
        )
    )
    if summary.waits_for:
        out.print(Text(f"waits for: {summary.waits_for}", style="magenta"))
    if summary.reason:
        out.print(Text(f"reason: {summary.reason}"))
    if shown.detail_verdict and not shown.detail_verdict.allows:
        out.print(failing_lines(shown.detail_verdict))
    elif shown.detail and not shown.detail_verdict:
        out.print(Text(shown.detail))
    _repositories(shown)
    if shown.risk:
        out.print(Text(f"\nrisk {summary.tier}", style="bold"))
        for line in shown.risk:
            out.print(Text(f"  {line}"))
    if shown.gates and shown.gates != shown.detail_verdict:
        out.print()
        out.print(brief_lines(shown.gates))
    if shown.approvals:
        out.print()
        out.print(approvals_table(shown.approvals))
    if shown.pending:
        out.print()
        out.print(pending_table(shown.pending))


def _repositories(shown: Details) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("wave", "repository", "files", "lines", "pull request", "verified", "merged"):
        table.add_column(column, overflow="fold")
    for repo in shown.repositories:
        verified = "yes" if repo.verified else ""
        lines = f"+{repo.additions} −{repo.deletions}" if repo.digest else "unchanged"
        table.add_row(
            str(repo.wave), repo.repository, str(repo.files), lines, repo.pull, verified, repo.merged[:10]
        )
        if repo.trouble:
            table.add_row("", Text(printable(repo.trouble), style="yellow"))
    if shown.repositories:
        out.print()
        out.print(table)


@contextmanager
def working(what: str, *, quiet: bool) -> Iterator[None]:
    """A spinner while something takes its time, and a line where there is no terminal."""
    if quiet:
        yield
    elif out.is_terminal:
        with out.status(f"{what} …"):
            yield
    else:
        say(f"{what} …")
        yield
