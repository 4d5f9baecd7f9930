"""Policies in layers: what is built in, then the organization's, then the repository's. A lower one can only tighten.

`tightened` cannot loosen, whatever a layer says; `combine` also tells a person that a layer meant to, and where.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from penstock.core.document import Document, KeyPath, Place, Problem, Rejected, dotted, parse_placed
from penstock.core.policy.documents import LAYER_FILE, Demands, LayerFile
from penstock.core.policy.rules import ContentPolicy, Policy, Waiver
from penstock.core.policy.severity import BUILT_IN, OPEN, RULES, Severity
from penstock.core.policy.tools import contradicts, requirement, rule_of
from penstock.core.routing.loading import Refused
from penstock.core.verdict import Verdict, all_of, passed, unknown

BUILT_IN_SOURCE = "built in"
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One document below the organization's. `source` is what it is called."""

    source: str
    given: LayerFile
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Layered:
    """A policy, the documents that made it (top first), and where each of its values stands, by key or rule."""

    policy: Policy
    sources: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[tuple[str, Waiver], ...] = ()
    """Where each waiver stands; those that a lower layer took back, too."""
    unsure: tuple[str, ...] = ()
    """Why it is not known all that is demanded: while there is a reason, nothing is allowed."""
    clashes: tuple[str, ...] = ()
    """What promoted layers mean to loosen of what is above them by now; they cannot, and tighten all the same."""

    def expired(self, now: datetime) -> tuple[str, ...]:
        """A sentence for each waiver that counts no more."""
        return tuple(
            f"{where}: the waiver of {waiver.rule} has expired and counts no more: remove it, or let {waiver.owner} renew it"
            for where, waiver in self.waivers
            if waiver.until <= now
        )

    def origin(self, name: str) -> str:
        return self.origins.get(name, BUILT_IN_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What binds one repository's patch set: the policy pinned at creation and today's, each with its layer."""

    pinned: Policy
    current: Policy
    layer: Verdict | None = None
    """Whether its own layer could be read: without that nothing is allowed. None where it has none."""


def read_layer(source: str, content: bytes) -> Layer | Refused:
    """A layer from its file's bytes."""
    found = parse_placed(content, LAYER_FILE)
    if isinstance(found, Rejected):
        return Refused(problems=tuple(problem.shown(source) for problem in found.problems))
    given, document = found
    return Layer(source=source, given=given, document=document)


def organization(source: str, policy: Policy, demands: Demands, document: Document) -> Layered | Refused:
    """The top layer that people write: the configuration. It owns what is built in and may be waived."""
    checked = _Checked(source, document, Layered(policy=Policy()))
    checked.lists(demands)
    checked.waivers(demands, owned=OPEN | _demanded(policy))
    checked.severities(demands)
    if checked.problems:
        return Refused(problems=checked.told())
    paths = (*(number.path for number in _NUMBERS), _CODE_OWNERS, _LICENCES)
    origins = {dotted(path): checked.where(path) for path in paths if checked.has(path)}
    for path, (_, named) in _LISTS.items():
        origins |= checked.members(path, named(policy), ())
    return Layered(
        policy=policy,
        sources=(source,),
        origins=origins | checked.rules(demands),
        waivers=checked.placed(demands),
    )


def combine(top: Layered, layers: Sequence[Layer]) -> Layered | Refused:
    """Every layer under those before it. One attempt to loosen, and there is no policy."""
    problems: list[str] = []
    for layer in layers:
        top, loosening = under(top, layer)
        problems += loosening
    return Refused(problems=tuple(problems)) if problems else top


def under(top: Layered, layer: Layer) -> tuple[Layered, tuple[str, ...]]:
    """One layer under what is above it; and what it means to loosen there, which it cannot."""
    checked = _Checked(layer.source, layer.document, top)
    checked.layer(layer.given)
    lower = replace(
        top,
        policy=tightened(top.policy, layer.given),
        sources=(*top.sources, layer.source),
        origins={**top.origins, **checked.tighter(layer.given)},
        waivers=(*top.waivers, *checked.placed(layer.given.policies)),
    )
    return lower, checked.told()


def tightened(above: Policy, given: LayerFile) -> Policy:
    """The policy with a layer's demands. Where the layer demands a rule itself, no waiver from above counts any more, and its
    own waivers count only for rules that nobody above demands."""
    safety, pulls, demands = given.safety, given.pr_management, given.policies
    theirs, before = _demanded_by(demands), _demanded(above)
    own = tuple(w.waiver for w in demands.waivers if w.rule in theirs - before)
    return replace(
        above,
        protected_paths=_joined(above.protected_paths, safety.protected_paths),
        frozen_paths=_joined(above.frozen_paths, safety.frozen_paths),
        max_files=min(above.max_files, safety.max_files or above.max_files),
        max_changed_lines=min(above.max_changed_lines, safety.max_changed_lines or above.max_changed_lines),
        required_reviews=max(above.required_reviews, pulls.require_reviews or 0),
        code_owners=above.code_owners or bool(pulls.require_code_owners),
        ci=replace(above.ci, required=_joined(above.ci.required, given.ci.required)),
        require=_joined(above.require, demands.harder),
        forbid=_joined(above.forbid, demands.forbid),
        tools=tuple(dict.fromkeys((*above.tools, *demands.tools))),
        waivers=(*(w for w in above.waivers if w.rule not in theirs), *own),
        contents=_both(above.contents, demands.contents.over(above.contents)),
    )


def _both(above: ContentPolicy, below: ContentPolicy) -> ContentPolicy:
    """What both allow."""
    allowed = below.licences
    if allowed is not None and above.licences is not None:
        allowed = tuple(one for one in allowed if one in above.licences)
    return ContentPolicy(
        max_function_complexity=min(above.max_function_complexity, below.max_function_complexity),
        max_binary_bytes=min(above.max_binary_bytes, below.max_binary_bytes),
        licences=allowed,
    )


def bound(pinned: Policy, today: Layered, then: Layer | Refused | None, now: Layer | Refused | None) -> Bound:
    """The pinned policy with the repository's layer as it was `then`, today's with it as it is `now`.

    A layer that cannot be read, or would loosen, is a don't-know, and so is whatever today's policy is unsure of.
    """
    current = combine(today, (now,)) if isinstance(now, Layer) else now or today
    problems = [p for one in (then, current) if isinstance(one, Refused) for p in one.problems]
    if problems or today.unsure:
        wrong = [unknown("policy_layer", problem) for problem in dict.fromkeys(problems)]
        wrong += [unknown("promoted_policy", why) for why in today.unsure]
        return Bound(pinned=pinned, current=today.policy, layer=all_of("policy_layers", wrong))
    assert isinstance(current, Layered), "what is refused is told above"  # noqa: S101
    sources = dict.fromkeys(one.source for one in (then, now) if isinstance(one, Layer))
    said = [passed("policy_layer", f"{source} tightens what is above it") for source in sources]
    return Bound(
        pinned=tightened(pinned, then.given) if isinstance(then, Layer) else pinned,
        current=current.policy,
        layer=all_of("policy_layers", said) if said else None,
    )


def _joined(above: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*above, *more)))


def _demanded(policy: Policy) -> frozenset[str]:
    """Rules that block because somebody demands it."""
    return frozenset((*policy.require, *policy.forbid, *(rule_of(tool) for tool, _ in policy.tools)))


def _demanded_by(demands: Demands) -> frozenset[str]:
    return frozenset((*demands.harder, *demands.forbid, *(rule_of(tool) for tool, _ in demands.tools)))


@dataclass(frozen=True, slots=True)
class _Number:
    """A number that a layer may have, in which direction it tightens, and where it is in both."""

    path: KeyPath
    given: Callable[[LayerFile], int | None]
    above: Callable[[Policy], int]
    ceiling: bool

    @property
    def key(self) -> str:
        return dotted(self.path)

    def tighter(self, one: int, other: int) -> bool:
        """Does the first allow less than the second."""
        return one < other if self.ceiling else one > other


_NUMBERS = (
    _Number(("safety", "max_files"), lambda g: g.safety.max_files, lambda p: p.max_files, ceiling=True),
    _Number(
        ("safety", "max_changed_lines"),
        lambda g: g.safety.max_changed_lines,
        lambda p: p.max_changed_lines,
        ceiling=True,
    ),
    _Number(
        ("pr_management", "require_reviews"),
        lambda g: g.pr_management.require_reviews,
        lambda p: p.required_reviews,
        ceiling=False,
    ),
    _Number(
        ("policies", "contents", "max_function_complexity"),
        lambda g: g.policies.contents.max_function_complexity,
        lambda p: p.contents.max_function_complexity,
        ceiling=True,
    ),
    _Number(
        ("policies", "contents", "max_binary_kib"),
        lambda g: g.policies.contents.max_binary_kib,
        lambda p: p.contents.max_binary_bytes >> 10,
        ceiling=True,
    ),
)
_LISTS: dict[KeyPath, tuple[Callable[[LayerFile], Names], Callable[[Policy], Names]]] = {
    ("safety", "protected_paths"): (lambda g: g.safety.protected_paths, lambda p: p.protected_paths),
    ("safety", "frozen_paths"): (lambda g: g.safety.frozen_paths, lambda p: p.frozen_paths),
    ("ci", "required"): (lambda g: g.ci.required, lambda p: p.ci.required),
}
"""What a layer may add to, as it says it, and as there is above it."""
_LICENCES: KeyPath = ("policies", "contents", "licenses")
_CODE_OWNERS: KeyPath = ("pr_management", "require_code_owners")


class _Checked:
    """What is wrong with one document under what is above it, each with its place."""

    def __init__(self, source: str, document: Document, above: Layered) -> None:
        self.problems: list[Problem] = []
        self._source, self._document, self._above = source, document, above

    def has(self, path: KeyPath) -> bool:
        return path in self._document.places

    def where(self, path: KeyPath) -> str:
        return f"{self._source}:{self._place(path).line}"

    def told(self) -> tuple[str, ...]:
        found = sorted(self.problems, key=lambda p: (p.place.line, p.place.column))
        return tuple(problem.shown(self._source) for problem in found)

    def layer(self, given: LayerFile) -> None:
        self.numbers(given)
        self.lists(given.policies)
        self.severities(given.policies)
        self.versions(given.policies)
        owned = _demanded_by(given.policies) - _demanded(self._above.policy)
        self.waivers(given.policies, owned=owned)

    def numbers(self, given: LayerFile) -> None:
        for number in _NUMBERS:
            value, limit = number.given(given), number.above(self._above.policy)
            if value is not None and number.tighter(limit, value):
                most = "at most" if number.ceiling else "at least"
                self._loosens(number.path, number.key, f"{value} where {most} {limit} is allowed")
        if given.pr_management.require_code_owners is False and self._above.policy.code_owners:
            self._loosens(_CODE_OWNERS, dotted(_CODE_OWNERS), "false where it is true")
        allowed = self._above.policy.contents.licences
        more = [] if allowed is None else sorted({*(given.policies.contents.licenses or ())} - {*allowed})
        if more:
            self._loosens(_LICENCES, dotted(_LICENCES), f"{', '.join(more)} where that is not allowed")

    def lists(self, demands: Demands) -> None:
        """Nothing stands twice."""
        for name, texts in (("forbid", demands.forbid), ("require", demands.require)):
            for index, text in enumerate(texts):
                if text in texts[:index]:
                    first = self.where(("policies", name, texts.index(text)))
                    self._wrong(("policies", name, index), f"{text} stands at {first} already")

    def severities(self, demands: Demands) -> None:
        for rule, severity in demands.rules.items():
            path: KeyPath = ("policies", "rules", rule)
            above = rule in _demanded(self._above.policy)
            built_in = rule in BUILT_IN and BUILT_IN[rule].severity is Severity.BLOCK
            if severity is Severity.WARN and (above or built_in):
                self._loosens(path, f"rule {rule}", "warn where it blocks")
            elif severity is Severity.WARN and rule in demands.harder:
                self._wrong(path, f"warn, where `require` of the same document names {rule}")
            elif rule not in BUILT_IN:
                self._wrong(path, f"{rule} blocks once `forbid` or `require` names it")

    def versions(self, demands: Demands) -> None:
        above = dict(self._above.policy.tools)
        for path, tool, versions in _tool_places(demands):
            if tool in above and contradicts(above[tool], versions):
                self._loosens(path, f"rule {rule_of(tool)}", f"{versions} where {above[tool]} is required")

    def waivers(self, demands: Demands, *, owned: frozenset[str]) -> None:
        for index, given in enumerate(demands.waivers):
            path: KeyPath = ("policies", "waivers", index, "rule")
            if given in demands.waivers[:index]:
                self._wrong(path, "this waiver stands above already")
            elif not RULES[given.rule].waivable:
                self._wrong(path, f"{given.rule} can never be waived")
            elif given.rule not in owned:
                self._wrong(path, self._not_owned(given.rule))

    def placed(self, demands: Demands) -> tuple[tuple[str, Waiver], ...]:
        return tuple(
            (self.where(("policies", "waivers", index)), given.waiver)
            for index, given in enumerate(demands.waivers)
        )

    def _not_owned(self, rule: str) -> str:
        if rule in _demanded(self._above.policy):
            return f"{rule} is demanded at {self._above.origin(f'rule {rule}')}: only there it can be waived"
        if rule in OPEN:
            return f"{rule} is built in: only the organization's configuration can waive it"
        return f"there is nothing to waive: {rule} stops nothing here"

    def tighter(self, given: LayerFile) -> dict[str, str]:
        """Where the values that this layer tightens stand."""
        above = self._above.policy
        numbers = {
            number.key: self.where(number.path)
            for number in _NUMBERS
            if (value := number.given(given)) is not None and number.tighter(value, number.above(above))
        }
        if given.pr_management.require_code_owners and not above.code_owners:
            numbers[dotted(_CODE_OWNERS)] = self.where(_CODE_OWNERS)
        if given.policies.contents.licenses is not None:
            numbers[dotted(_LICENCES)] = self.where(_LICENCES)
        for path, (named, there) in _LISTS.items():
            numbers |= self.members(path, named(given), there(above))
        new = _demanded_by(given.policies) - _demanded(above)
        found = self.rules(given.policies)
        return numbers | {name: where for name, where in found.items() if name.removeprefix("rule ") in new}

    def members(self, path: KeyPath, names: Names, there: Names) -> dict[str, str]:
        """Where each of these stands that is not there already, by key and name."""
        new = [(at, name) for at, name in enumerate(names) if name not in there and self.has(path)]
        return {f"{dotted(path)} {name}": self.where((*path, at)) for at, name in new}

    def rules(self, demands: Demands) -> dict[str, str]:
        """Where each rule that the document demands stands."""
        found = {f"rule {rule_of(tool)}": self.where(path) for path, tool, _ in _tool_places(demands)}
        for name, texts in (("forbid", demands.forbid), ("require", demands.require)):
            for index, text in enumerate(texts):
                found.setdefault(f"rule {text}", self.where(("policies", name, index)))
        for rule, severity in demands.rules.items():
            if severity is Severity.BLOCK:
                found.setdefault(f"rule {rule}", self.where(("policies", "rules", rule)))
        return {name: where for name, where in found.items() if name.removeprefix("rule ") in RULES}

    def _loosens(self, path: KeyPath, name: str, how: str) -> None:
        self._wrong(path, f"{how} ({self._above.origin(name)}); a layer can only tighten what is above it")

    def _wrong(self, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(place=self._place(path), key=dotted(path), message=message))

    def _place(self, path: KeyPath) -> Place:
        """Where it stands, or the nearest of what it stands in."""
        return next(
            (
                self._document.places[path[:n]]
                for n in range(len(path), -1, -1)
                if path[:n] in self._document.places
            ),
            Place(line=1, column=1),
        )


def _tool_places(demands: Demands) -> Iterator[tuple[KeyPath, str, str]]:
    """(place, tool, versions) of each requirement of a tool's version."""
    if demands.node_version:
        yield ("policies", "node_version"), "node", demands.node_version
    if demands.python_version:
        yield ("policies", "python_version"), "python", demands.python_version
    for index, text in enumerate(demands.require):
        if found := requirement(text):
            yield ("policies", "require", index), *found
