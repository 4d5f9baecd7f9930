"""The native engines: hyperscan asks every rule at once, an automaton of keywords where it is missing; RE2 confirms."""

import os
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import ahocorasick
import re2

from penstock.core.secrets.rules import Expression, Rule
from penstock.core.secrets.scanner import Candidates

if TYPE_CHECKING:
    import hyperscan

_CLOSING = (r"""(?:\\?['"\x60]|[\s;]|\\[nr]|$)""", r"""(?:[\x60'"\s;]|\\[nr]|$)""")
"""How an expression ends that wants its value to end there."""
_REPEAT = re.compile(r"\{(\d+)(,\d*)?\}")
_ENOUGH = 12
"""Of a repeat: more says little more of where a rule may match, and takes long to compile."""


def linear(expression: str) -> Expression:
    """Compiled by RE2, over bytes. Raises ValueError where it is no expression of RE2's."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    try:
        compiled: Expression = re2.compile(expression.encode(), options)
    except re2.error as error:
        raise ValueError(f"{expression!r}: {error}") from error
    return compiled


def by_keywords(rules: Sequence[Rule]) -> Candidates:
    """Rules of which a keyword stands in the text, and those that have none."""
    numbers: dict[str, set[int]] = {}
    for number, rule in enumerate(rules):
        for word in rule.keywords:
            numbers.setdefault(word, set()).add(number)
    automaton = ahocorasick.Automaton()
    for word, of in numbers.items():
        automaton.add_word(word, frozenset(of))
    automaton.make_automaton()
    always = frozenset(number for number, rule in enumerate(rules) if not rule.keywords)

    def candidates(data: bytes) -> Iterable[int]:
        met = {of for _, of in automaton.iter(data.lower().decode("latin-1"))}
        return always.union(*met)

    return candidates


def by_hyperscan(rules: Sequence[Rule], kept: Path | None) -> Candidates:
    """Rules whose loosened expression matches. `kept`: a folder for the compiled database, which takes seconds to make.

    Raises ImportError where there is no hyperscan for this machine.
    """
    import hyperscan

    expressions = [loosened(rule).encode() for rule in rules]
    database = _database(expressions, kept)
    mine = threading.local()  # what a scan works in serves one at a time

    def candidates(data: bytes) -> Iterable[int]:
        if not hasattr(mine, "scratch"):
            mine.scratch = hyperscan.Scratch(database)
        met: list[int] = []

        def meet(number: int, _from: int, _to: int, _flags: int, _context: object) -> None:
            met.append(number)

        database.scan(data, match_event_handler=meet, scratch=mine.scratch)
        return met

    return candidates


def loosened(rule: Rule) -> str:
    """An expression that matches wherever the rule's does: without the closing, and with repeats that have no end."""
    expression = rule.expression
    for closing in _CLOSING:
        expression = expression.removesuffix(closing)
    return _REPEAT.sub(_unbounded, expression)


def _unbounded(repeat: re.Match[str]) -> str:
    least = int(repeat[1])
    if repeat[2] is None and least <= _ENOUGH:
        return repeat[0]
    return {0: "*", 1: "+"}.get(least, f"{{{min(least, _ENOUGH)},}}")


def _database(expressions: Sequence[bytes], kept: Path | None) -> "hyperscan.Database":
    import hyperscan

    if kept is None:
        return _compiled(expressions)
    of = sha256(b"\0".join(expressions)).hexdigest()[:16]
    file = kept / f"secrets-{of}.hyperscan"
    try:
        return hyperscan.loadb(file.read_bytes(), hyperscan.HS_MODE_BLOCK)
    except (OSError, hyperscan.error):  # never made; spoilt, or of another version or processor
        database = _compiled(expressions)
        with suppress(OSError):  # it will be made again
            _keep(file, hyperscan.dumpb(database))
        return database


def _compiled(expressions: Sequence[bytes]) -> "hyperscan.Database":
    import hyperscan

    count = len(expressions)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = [hyperscan.HS_FLAG_SINGLEMATCH] * count
    database.compile(expressions=expressions, ids=range(count), elements=count, flags=flags)
    return database


def _keep(file: Path, content: bytes) -> None:
    """Whole or not at all: other processes may look for it at this moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for old in file.parent.glob("secrets-*.hyperscan"):
        old.unlink(missing_ok=True)
    made = file.with_suffix(f".{os.getpid()}")
    made.write_bytes(content)
    made.replace(file)
