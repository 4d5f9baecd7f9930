"""Finding secrets and taking them out: which rules could match is asked first, and each match is confirmed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from penstock.core.secrets.confirm import Confirmed
from penstock.core.secrets.likeness import Likeness
from penstock.core.secrets.rules import Compile, Rule, RuleBook
from penstock.core.text import without_unseen

Candidates = Callable[[bytes], Iterable[int]]
"""Numbers of the rules that may match in some bytes: one too many costs time, one too few would be a miss."""
GONE = "[redacted]"
_ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Lines `first` to `last`, counted from 1, look like what `rule` is about. The secret itself is no part of it."""

    rule: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a secret stands, in bytes."""

    start: int
    end: int
    rule: Rule


class Scanner:
    """Rules on two engines: one says which rules may match, one confirms. The findings do not depend on which."""

    def __init__(self, book: RuleBook, compile_: Compile, candidates: Candidates) -> None:
        likeness = Likeness(book.words, compile_)
        self._rules = tuple(Confirmed(rule, likeness, compile_) for rule in book.rules)
        self._candidates = candidates

    def find(self, text: str, known: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What a text has of secrets, as it stands or as it looks, in order of lines; `known` for any of these."""
        looks = without_unseen(text)
        found = {finding for form in {text, looks} for finding in self._found(_bytes(form))}
        found |= {_whole("known", looks) for secret in known if secret and secret in looks}
        return tuple(sorted(found, key=lambda finding: (finding.first, finding.last, finding.rule)))

    def redact(self, text: str, known: Iterable[str] = ()) -> str:
        """The text with known secrets and whatever looks like one replaced, so that nothing is found in it again.

        Characters that nobody sees are taken out too where they kept a secret apart: they may be lost later.
        """
        secrets = tuple(filter(None, known))
        for _ in range(_ROUNDS):
            clean = self._looked_through(text, secrets)
            if clean == text:
                return text
            text = clean
        return GONE

    def spans(self, data: bytes) -> tuple[Span, ...]:
        """Where secrets stand, in order; what overlaps is one, of the rule with the highest rank."""
        numbers = sorted(set(self._candidates(data)))
        found = [
            Span(start=start, end=end, rule=self._rules[number].rule)
            for number in numbers
            for start, end in self._rules[number].places(data)
        ]
        return tuple(_merged(sorted(found, key=lambda span: span.start)))

    def _found(self, data: bytes) -> Iterator[Finding]:
        line, at = 1, 0
        for span in self.spans(data):
            first = line + data.count(b"\n", at, span.start)
            line, at = first + data.count(b"\n", span.start, span.end), span.end
            yield Finding(rule=span.rule.id, first=first, last=line)

    def _looked_through(self, text: str, known: tuple[str, ...]) -> str:
        text = self._redacted(text, known)
        looks = without_unseen(text)
        clean = text if looks == text else self._redacted(looks, known)
        return text if clean == looks else clean

    def _redacted(self, text: str, known: tuple[str, ...]) -> str:
        for secret in known:
            text = text.replace(secret, GONE)
        data = _bytes(text)
        parts: list[bytes] = []
        at = 0
        for span in self.spans(data):
            parts += [data[at : span.start], f"[redacted {span.rule.id}]".encode()]
            at = span.end
        return b"".join((*parts, data[at:])).decode(errors="surrogatepass") if parts else text


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _whole(rule: str, text: str) -> Finding:
    return Finding(rule=rule, first=1, last=1 + text.count("\n"))


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    kept: Span | None = None
    for span in spans:
        if kept is None or span.start >= kept.end:
            if kept is not None:
                yield kept
            kept = span
            continue
        best = max(kept, span, key=lambda each: each.rule.rank)
        kept = Span(start=kept.start, end=max(kept.end, span.end), rule=best.rule)
    if kept is not None:
        yield kept
