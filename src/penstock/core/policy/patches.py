"""What the policy says of one patch set: each rule a predicate over facts of the raw tree diff."""

import re
from dataclasses import dataclass

from penstock.core.evidence import DiffFacts, FileFact, FileMode, FileStatus
from penstock.core.policy.dependencies import judge_dependencies
from penstock.core.policy.hazards import judge_forbidden
from penstock.core.policy.rules import ALWAYS_PROTECTED, NEVER_WRITABLE, Policy
from penstock.core.policy.sources import judge_api, judge_complexity, judge_licences, judge_workflows
from penstock.core.policy.tools import judge_tools
from penstock.core.proposal import matches_any, names_any
from penstock.core.secrets import Finding
from penstock.core.sources.kinds import Origin
from penstock.core.verdict import Verdict, all_of, blocked, passed, warned


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which paths a change may touch. A protected one is among them only if a person named it."""

    allowed: tuple[str, ...]
    named: tuple[str, ...] = ()
    """Protected paths that a person put in scope."""


def judge_policy(facts: DiffFacts, policy: Policy, named: tuple[str, ...] = ()) -> Verdict:
    """G3 for one patch set: no BLOCK violation among the rules that exist. `named`: see Scope."""
    return all_of(
        "policy",
        (
            _own_files(facts),
            _protected(facts, policy, named),
            _frozen(facts, policy),
            _secrets(facts),
            _links(facts),
            _weakened(facts),
            judge_api(facts, policy),
            judge_workflows(facts),
            judge_licences(facts, policy),
            judge_dependencies(facts, policy),
            judge_forbidden(facts, policy),
            judge_tools(facts, policy),
        ),
    )


def judge_integrity(facts: DiffFacts, scope: Scope, policy: Policy) -> Verdict:
    """G2 for one patch set: in scope, within the ceilings, no surprises inside the files. G-13 is the size ceiling."""
    return all_of(
        "integrity",
        (
            _in_scope(facts, scope),
            _within_ceilings(facts, policy),
            judge_complexity(facts, policy),
            _no_surprises(facts, policy),
            _told(
                "line_ends",
                [f"{f.path} ({f.line_ends})" for f in facts.files if f.line_ends],
                "line ends changed",
            ),
            _told("made_elsewhere", _not_written_here(facts), "changed by hand, and made elsewhere"),
            _names(facts),
            _parses(facts),
        ),
    )


def _rule(rule: str, offenders: list[str], problem: str, fine: str) -> Verdict:
    if not offenders:
        return passed(rule, fine)
    shown = ", ".join(offenders[:5]) + (f" and {len(offenders) - 5} more" if len(offenders) > 5 else "")
    return blocked(rule, f"{problem}: {shown}")


def _own_files(facts: DiffFacts) -> Verdict:
    hit = [f.path for f in facts.files if names_any(f.path, NEVER_WRITABLE)]
    return _rule(
        "own_policy", hit, "Penstock's own policy files can never be changed by a change", "untouched"
    )


def _protected(facts: DiffFacts, policy: Policy, named: tuple[str, ...]) -> Verdict:
    """What a person named is at least of high risk, which no policy approves."""
    touched = [f.path for f in facts.files if is_protected(f.path, policy)]
    hit = [path for path in touched if not matches_any(path, named)]
    if touched and not hit:
        return warned("protected_paths", f"protected, and put in scope by a person: {', '.join(touched[:5])}")
    return _rule("protected_paths", hit, "protected: only people change it (G-04, G-05)", "none touched")


def _frozen(facts: DiffFacts, policy: Policy) -> Verdict:
    hit = [f.path for f in facts.files if names_any(f.path, policy.frozen_paths)]
    return _rule("frozen_paths", hit, "frozen: no change touches it, whatever its scope", "none touched")


def is_protected(path: str, policy: Policy) -> bool:
    return names_any(path, ALWAYS_PROTECTED) or names_any(path, policy.protected_paths)


def _secrets(facts: DiffFacts) -> Verdict:
    hit = [f"{_place(f, found)} ({found.rule})" for f in facts.files for found in f.secrets]
    return _rule("P-001", hit, "looks like a secret", "no added line looks like a secret")


def _place(file: FileFact, found: Finding) -> str:
    return f"{file.path}:{found.first}" if found.first else f"the name {file.path}"


def _links(facts: DiffFacts) -> Verdict:
    hit = [f.path for f in facts.files if f.new_mode in {FileMode.SYMLINK, FileMode.SUBMODULE}]
    return _rule("links", hit, "symbolic link or submodule", "none added or changed")


def _weakened(facts: DiffFacts) -> Verdict:
    """Signs only, so it warns: whoever approves sees them."""
    signs = [f"{f.path} ({'; '.join(f.weakened)})" for f in facts.files if f.weakened]
    return _told("weakened_tests", signs, "tests that may say less")


def _in_scope(facts: DiffFacts, scope: Scope) -> Verdict:
    paths = (*scope.allowed, *scope.named)
    hit = [f.path for f in facts.files if not matches_any(f.path, paths)]
    return _rule(
        "in_scope", hit, "outside the paths that the scope names", f"all {len(facts.files)} paths in scope"
    )


def _within_ceilings(facts: DiffFacts, policy: Policy) -> Verdict:
    lines = facts.additions + facts.deletions
    moved = f", of which {facts.moved} only moved here from elsewhere in it" if facts.moved else ""
    size = f"{len(facts.files)} files, {lines} changed lines{moved}"
    if not facts.files:
        return blocked("size", "the patch set changes nothing")
    if len(facts.files) > policy.max_files or lines > policy.max_changed_lines:
        return blocked(
            "G-13", f"{size}; the ceiling is {policy.max_files} files and {policy.max_changed_lines} lines"
        )
    return passed("G-13", size)


def _told(rule: str, hit: list[str], what: str) -> Verdict:
    """For whoever approves: it warns, until a layer makes it block."""
    found = _rule(rule, hit, what, "no sign of it")
    return found if found.allows else warned(found.rule, found.reason)


def _not_written_here(facts: DiffFacts) -> list[str]:
    """A new folder of somebody else's is judged by its licences."""
    return [
        f"{f.path} ({f.origin})"
        for f in facts.files
        if f.origin is not Origin.WRITTEN and f.status is FileStatus.MODIFIED
    ]


def _no_surprises(facts: DiffFacts, policy: Policy) -> Verdict:
    binary = [f for f in facts.files if f.binary and f.new_sha]
    most = policy.contents.max_binary_bytes
    too_much = not most or sum(f.size for f in binary) > most
    hit = [f"{f.path} (binary, {f.size} bytes)" for f in binary] if too_much else []
    hit += [f"{f.path} (hidden characters)" for f in facts.files if f.hidden_characters]
    hit += [
        f"{f.path} (letters that pass for others: {'; '.join(f.disguised)})"
        for f in facts.files
        if f.disguised
    ]
    hit += [f"{f.path} (made executable)" for f in facts.files if _made_executable(f)]
    return _rule(
        "no_surprises",
        hit,
        "needs a person to look by hand",
        "no binary, hidden characters or new executable",
    )


def _made_executable(fact: FileFact) -> bool:
    return fact.new_mode is FileMode.EXECUTABLE and fact.old_mode is not FileMode.EXECUTABLE


_NO_NAME = re.compile(
    r"""[<>:"|?*\\\x00-\x1f]|[ .](?:/|$)"""
    r"|(?:^|/)(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(?:[.:/]|$)",
    re.IGNORECASE,
)
"""In a path that Windows cannot have (Microsoft Learn, "Naming Files, Paths, and Namespaces")."""


def _names(facts: DiffFacts) -> Verdict:
    hit = [f"{new} (beside {other})" for new, other in facts.collisions]
    hit += [f"{f.path} (no name on Windows)" for f in facts.files if _is_new(f) and _NO_NAME.search(f.path)]
    return _rule(
        "names", hit, "cannot be checked out on every system", "every new name can be checked out everywhere"
    )


def _is_new(fact: FileFact) -> bool:
    return fact.old_mode is FileMode.ABSENT


def _parses(facts: DiffFacts) -> Verdict:
    hit = [f"{f.path} ({f.unparsable})" for f in facts.files if f.unparsable]
    return _rule("parses", hit, "does not parse", "every file whose language is known parses")
