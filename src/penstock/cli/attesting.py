"""`penstock tap verify`: reading a TAP record back, for a person or a workflow. Nothing in Penstock asks it."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from rich.text import Text

from penstock.adapters.store.envelope import opened as open_envelope
from penstock.adapters.store.seal import KEY_FILE, public_key
from penstock.bootstrap import Installation
from penstock.cli import options, output
from penstock.cli.exits import Exit
from penstock.cli.looking import find_change
from penstock.cli.summary import add_verdict
from penstock.core.evidence import PullFacts
from penstock.core.policy.layers import Bound, bound
from penstock.core.policy.rules import Policy, policy_digest
from penstock.core.refs import NodeId, RepoRef, Sha
from penstock.core.tap import RECORD_TYPE, Expected, TapRecord, judge_record, place_of
from penstock.core.verdict import Verdict, all_of, blocked, passed
from penstock.flows.attesting import RECORD
from penstock.flows.layering import layer_at
from penstock.ports import Permanent

COMMENT = re.compile(r"<!-- TAP-DECISION: (\{[^<>]*\}) -->")
SHA = re.compile(r"[0-9a-f]{40}")
ADDRESS = re.compile(r"https?://[^\s?#]+/(?P<owner>[^/\s]+)/(?P<name>[^/\s]+)/pull/(?P<number>\d+)/?")
SHORT = re.compile(r"(?P<owner>[^/\s#]+)/(?P<name>[^/\s#]+)#(?P<number>\d+)|(?P<alone>[^/\s#]+)#(?P<nth>\d+)")
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """`head`: of what a file's record must be about. `key`: a public key file; None is this installation's."""

    subject: str
    head: str
    key: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """One record as it was found: the verdict on it, and what it says where its signature holds."""

    where: str
    verdict: Verdict
    record: TapRecord | None


def verify(given: Given, *, json: bool) -> Exit:
    home = options.opened()
    found = _found(home, given)
    if not found:
        return Exit.NO
    verdict = all_of("TAP record", (all_of(one.where, (one.verdict,)) for one in found))
    add_verdict("TAP record", verdict)
    if json:
        output.as_json({"records": found, "holds": verdict.allows})
    else:
        for one in found:
            output.out.print(output.whole_lines(all_of(one.where, one.verdict.children)))
        said = "The record holds." if verdict.allows else "The record does not hold: ✗ marks why."
        output.out.print(Text(said, style="green" if verdict.allows else "red"))
    return Exit.DONE if verdict.allows else Exit.NO


def _found(home: Installation, given: Given) -> tuple[Attested, ...]:
    """What is to be verified, verified; nothing where there is none, which is said."""
    address = ADDRESS.fullmatch(given.subject) or SHORT.fullmatch(given.subject)
    if given.subject == "-" or (address is None and Path(given.subject).is_file()):
        return (_of_text(home, given),)
    if address:
        repo, number = _pull_named(home, address)
        pull = home.reader.pull(repo, number)
        if pull is None:
            output.complain(f"{repo.full_name} has no pull request #{number}.")
        return (of_pull(home, given, repo, pull),) if pull else ()
    if Path(given.subject).suffix or "/" in given.subject:
        raise Permanent("no_source", f"{given.subject}: there is no such file, and no change is named so")
    return _of_change(options.begun(), given)


def _of_text(home: Installation, given: Given) -> Attested:
    if not SHA.fullmatch(given.head):
        raise Permanent(
            "misconfigured",
            "a record alone says nothing: name the commit that it must be for, with --head and all 40 digits",
        )
    with sys.stdin.buffer if given.subject == "-" else Path(given.subject).open("rb") as file:
        text = file.read(MAX_BYTES + 1).decode(errors="replace")
    today = home.rules.layered
    binding = bound(today.policy, today, None, None)
    if binding.layer:
        return Attested(where=given.subject, verdict=all_of("record", (binding.layer,)), record=None)
    return _judged(home, given, given.subject, (text, Sha(given.head), binding.current), None)


def of_pull(home: Installation, given: Given, repo: RepoRef, pull: PullFacts) -> Attested:
    """Of a pull request's body, under the policy in force with the layer of its base."""
    body, where = home.reader.body_of_pull(repo, pull.number), f"{repo.full_name}#{pull.number}"
    binding = _binding(home, repo, pull)
    if binding.layer and not binding.layer.allows:
        return Attested(where=where, verdict=all_of("record", (binding.layer,)), record=None)
    return _judged(home, given, where, (body, pull.head, binding.current), repo)


def _binding(home: Installation, repo: RepoRef, pull: PullFacts) -> Bound:
    """The policy in force, with the repository's layer as the pull request's base has it now."""
    facts, base = home.reader.repository(repo), home.reader.branch_head(repo, pull.base_ref)
    if facts is None or base is None:
        raise Permanent("not_found", f"{repo.full_name} has no branch {pull.base_ref} any more")
    home.mirrors.sync(repo, facts.clone_url, (base,))
    today, layer = home.rules.layered, layer_at(home.mirrors, repo, base)
    return bound(today.policy, today, layer, layer)


def _of_change(home: Installation, given: Given) -> tuple[Attested, ...]:
    change = find_change(home, given.subject)
    if change is None:
        return ()
    legs = [(lane.repo, leg.pull) for lane in change.lanes for leg in (lane.forward, lane.inverse)]
    pulls = [(repo, pull) for repo, number in legs if number and (pull := home.reader.pull(repo, number))]
    if not pulls:
        output.complain(f"{change.id} has no pull request yet.")
    return tuple(of_pull(home, given, repo, pull) for repo, pull in pulls)


def _pull_named(home: Installation, address: re.Match[str]) -> tuple[RepoRef, int]:
    """The repository of a pull request's address or short name, and its number. Raises Permanent `not_found`."""
    parts = address.groupdict()
    owner = parts["owner"] or home.organization
    name, number = parts["name"] or parts["alone"], parts["number"] or parts["nth"]
    asked = RepoRef(forge=home.forge_name, node_id=NodeId(""), owner=owner, name=name)
    facts = home.reader.repository(asked)
    if facts is None:
        raise Permanent("not_found", f"there is no repository {asked.full_name} at {home.address.web}")
    owner, _, name = facts.full_name.partition("/")
    return RepoRef(forge=asked.forge, node_id=NodeId(facts.node_id), owner=owner, name=name), int(number)


def _judged(
    home: Installation, given: Given, where: str, asked: tuple[str, Sha, Policy], repo: RepoRef | None
) -> Attested:
    """`asked`: the text, the commit that it must be about, and the policy that it must have been decided under."""
    text, head, policy = asked
    read = _read(text, _keys(home, given.key))
    if isinstance(read, str):
        return Attested(where=where, verdict=all_of("record", (blocked("signature", read),)), record=None)
    expected = Expected(
        head=head,
        policy_digest=policy_digest(policy),
        now=home.clock.now(),
        repository=place_of(repo) if repo else None,
    )
    signed = passed("signature", "signed by a trusted key")
    judged = judge_record(read, expected)
    return Attested(where=where, verdict=all_of("record", (signed, *judged.children)), record=read)


def _read(text: str, keys: Mapping[str, bytes]) -> TapRecord | str:
    """The one record in a text, signed by one of these keys; else why there is none to believe."""
    marked = COMMENT.findall(text)
    if len(marked) > 1:
        return f"there are {len(marked)} records in it, and one body has one"
    envelope = marked[0] if marked else text.strip()
    if not envelope.startswith("{"):
        return "there is no record in it"
    payload = open_envelope(envelope, RECORD_TYPE, keys)
    if isinstance(payload, str):
        return payload
    try:
        return RECORD.validate_json(payload)
    except ValidationError:
        return "its payload is no record that this version knows"


def _keys(home: Installation, named: Path | None) -> Mapping[str, bytes]:
    own = home.settings.state / f"{KEY_FILE}.pub"
    if named is None and not own.is_file():
        raise Permanent("bad_key", f"there is no {own}: name the public key of whoever signs, with --key")
    return public_key(named or own)
