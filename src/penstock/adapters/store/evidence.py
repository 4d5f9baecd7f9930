"""Judging logs without a database: those of this store, or those of an export that somebody else made.

An export is JSON lines in canonical form: first the public keys, then for each change its head, records and
texts, and last how many there were, so that a cut file is noticed. Whoever verifies decides which keys to trust.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Discriminator, StringConstraints, TypeAdapter, ValidationError

from penstock.adapters.store.chains import Log, first_break
from penstock.adapters.store.seal import key_id, trusted
from penstock.core.autonomy.model import GOVERNANCE
from penstock.core.ledger import START, Blob, Break, Head, Point, Record, canonical, plain
from penstock.core.refs import BlobRef, ChangeId

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What verification found. `breaks` names the first bad record of each change; `malformed` where an export ends
    to be readable. `keys` are the ids of the keys that were trusted; `self_named`: because the export itself names them."""

    keys: tuple[str, ...]
    changes: int = 0
    records: int = 0
    texts: int = 0
    erased: int = 0
    breaks: tuple[Break, ...] = ()
    malformed: str = ""
    self_named: bool = False

    @property
    def holds(self) -> bool:
        return not self.breaks and not self.malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier export holds: where each change's chain stood, and the keys that it names."""

    points: Mapping[ChangeId, Point] = field(default_factory=dict)
    keys: Mapping[str, bytes] = field(default_factory=dict)


NOTHING = Earlier()


def judged(
    logs: Iterable[Log], keys: Mapping[str, bytes], malformed: str = "", earlier: Earlier = NOTHING
) -> Report:
    """Verify each log against these public keys, and against what was there earlier."""
    points = dict(earlier.points)
    check = trusted(keys)
    changes = records = texts = erased = 0
    breaks = []
    for log in logs:
        changes += log.change != GOVERNANCE
        records += len(log.records)
        texts += len(log.blobs)
        erased += sum(blob.text is None for blob in log.blobs)
        broken = first_break(log, check) or _behind(log, points.pop(log.change, START))
        if broken:
            breaks.append(broken)
    breaks += [_gone(change, point) for change, point in points.items()]
    return Report(
        keys=tuple(keys),
        changes=changes,
        records=records,
        texts=texts,
        erased=erased,
        breaks=tuple(breaks),
        malformed=malformed,
    )


def _behind(log: Log, point: Point) -> Break | None:
    """A valid old copy of a log: shorter than it was, or with another past."""
    if len(log.records) < point.n:
        problem = f"{point.n} records in the earlier export, only {len(log.records)} here: it was put back"
        return Break(change=log.change, n=len(log.records) + 1, problem=problem)
    if point.n and log.records[point.n - 1].hash != point.hash:
        problem = "not the record of this number in the earlier export: its past was rewritten"
        return Break(change=log.change, n=point.n, problem=problem)
    return None


def _gone(change: ChangeId, point: Point) -> Break:
    problem = f"{point.n} records in the earlier export, none here: the whole change was deleted"
    return Break(change=change, n=1, problem=problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysLine:
    keys: Mapping[str, str]
    """Public keys by id, each 32 bytes in base64."""
    format: Literal[1] = 1
    line: Literal["ledger"] = "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLine:
    head: Head
    line: Literal["head"] = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    record: Record
    line: Literal["record"] = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """`salt` in hex; both null once erased."""

    ref: BlobRef
    salt: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$")] | None
    text: str | None
    line: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLine:
    changes: int
    records: int
    texts: int
    line: Literal["end"] = "end"

    @property
    def told(self) -> str:
        return f"{self.changes} changes, {self.records} records and {self.texts} texts"


Line = KeysLine | HeadLine | RecordLine | TextLine | EndLine
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Discriminator("line")])


def export_lines(logs: Iterable[Log], keys: Mapping[str, bytes]) -> Iterator[str]:
    """The lines of an export, without line ends."""
    changes = records = texts = 0
    yield _written(KeysLine(keys={name: b64encode(raw).decode() for name, raw in keys.items()}))
    for log in logs:
        assert log.head is not None, f"{log.change} has no head; verify first"  # noqa: S101
        changes += 1
        records += len(log.records)
        texts += len(log.blobs)
        yield _written(HeadLine(head=log.head))
        yield from (_written(RecordLine(record=record)) for record in log.records)
        yield from (_written(_text_line(blob)) for blob in log.blobs)
    yield _written(EndLine(changes=changes, records=records, texts=texts))


def _text_line(blob: Blob) -> TextLine:
    return TextLine(ref=blob.ref, salt=None if blob.salt is None else blob.salt.hex(), text=blob.text)


def _written(line: Line) -> str:
    return canonical(plain(line)).decode()


def verify_export(
    lines: Iterable[str], keys: Mapping[str, bytes] | None = None, earlier: Earlier = NOTHING
) -> Report:
    """Verify an export offline, with these keys, else with those of the earlier export.

    Without either its own are trusted (`Report.self_named`): then compare `Report.keys` by another way.
    """
    export, malformed = _read(lines)
    known = keys or earlier.keys
    report = judged(export.logs(), known or export.keys, malformed, earlier)
    return report if known else replace(report, self_named=True)


def read_earlier(lines: Iterable[str], keys: Mapping[str, bytes] | None = None) -> Earlier | str:
    """An export to compare with; or what is wrong with it, since what does not hold proves nothing."""
    export, malformed = _read(lines)
    if keys and export.keys and not keys.keys() & export.keys.keys():
        return "it was sealed with another installation's key"
    report = judged(export.logs(), keys or export.keys, malformed)
    if not report.holds:
        broken = malformed or (
            f"{report.breaks[0].change} record {report.breaks[0].n}: {report.breaks[0].problem}"
        )
        return f"it does not hold itself: {broken}"
    points = {head.change: Point(n=head.n, hash=head.hash) for head in export.heads}
    return Earlier(points=points, keys=export.keys)


def _read(lines: Iterable[str]) -> "tuple[_Export, str]":
    """An export as far as it can be read, and what is wrong with the first line that cannot."""
    export = _Export()
    for number, text in enumerate(lines, start=1):
        problem = export.take(text.rstrip("\n"))
        if problem and not export.keys:
            return export, f"this is not an export of a ledger (line {number}: {problem})"
        if problem:
            return export, f"line {number}: {problem}"
    if not export.keys:
        return export, "this is not an export of a ledger: it has no first line"
    return export, "" if export.ended else "its last line is missing: it was cut"


@dataclass(slots=True)
class _Export:
    """An export as far as it was read."""

    keys: dict[str, bytes] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    records: dict[ChangeId, list[Record]] = field(default_factory=dict)
    blobs: dict[ChangeId, list[Blob]] = field(default_factory=dict)
    ended: bool = False

    def take(self, text: str) -> str:
        """Read one more line; the answer is what is wrong with it, or nothing."""
        try:
            line = _LINE.validate_json(text)
        except ValidationError as error:
            return f"not a line of an export ({error.errors()[0]['msg']})"
        if _written(line) != text:
            return "not canonical: a key given twice, an unknown key, or another spelling"
        if self.ended:
            return "something follows the last line"
        return self._take_keys(line) if isinstance(line, KeysLine) else self._take(line)

    def _take_keys(self, line: KeysLine) -> str:
        if self.keys:
            return "a second first line"
        try:
            self.keys = {name: b64decode(raw, validate=True) for name, raw in line.keys.items()}
        except ValueError:
            return "a public key is not base64"
        wrong = [name for name, raw in self.keys.items() if len(raw) != 32 or key_id(raw) != name]
        return f"{wrong[0]} is not the id of its key" if wrong else ""

    def _take(self, line: HeadLine | RecordLine | TextLine | EndLine) -> str:
        match line:
            case HeadLine(head=head):
                if head.change in self.records:
                    return f"change {head.change} a second time"
                self.heads.append(head)
                self.records[head.change], self.blobs[head.change] = [], []
            case EndLine():
                self.ended = True
                return (
                    ""
                    if line == self._end()
                    else f"its last line tells of {line.told}, but it holds {self._end().told}"
                )
            case _ if not self.heads:
                return f"a {line.line} before any head"
            case RecordLine(record=record):
                self.records[self.heads[-1].change].append(record)
            case TextLine(ref=ref, salt=salt, text=body):
                kept = None if salt is None else bytes.fromhex(salt)
                self.blobs[self.heads[-1].change].append(Blob(ref=ref, salt=kept, text=body))
        return ""

    def _end(self) -> EndLine:
        return EndLine(
            changes=len(self.heads),
            records=sum(map(len, self.records.values())),
            texts=sum(map(len, self.blobs.values())),
        )

    def logs(self) -> Iterator[Log]:
        for head in self.heads:
            yield Log(
                change=head.change,
                head=head,
                records=tuple(self.records[head.change]),
                blobs=tuple(self.blobs[head.change]),
            )
