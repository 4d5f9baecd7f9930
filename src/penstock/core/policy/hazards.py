"""What a policy may forbid: closed predicates over the lines that a patch set adds, each linear in their length."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from penstock.core.document import nearest
from penstock.core.evidence import DiffFacts, Hazard
from penstock.core.policy.rules import Policy
from penstock.core.verdict import Verdict, all_of, blocked, passed

SHOWN = 5
"""Places of one predicate that are named; the rest is counted."""

_FETCHING = (
    "curl",
    "wget",
    "invoke-webrequest",
    "invoke-restmethod",
    "iwr ",
    "irm ",
    "downloadstring",
    "urlopen(",
    "urlretrieve(",
    "requests.get(",
    "requests.post(",
    "httpx.get(",
    "axios.get(",
    "fetch(",
    "http.get(",
    "https.get(",
    "uri.open(",
    "open-uri",
    'file_get_contents("http',
    "file_get_contents('http",
)
"""What brings something over the network, in lower case."""
_RUNNING = (
    "eval ",
    "eval(",
    "exec(",
    "iex ",
    "iex(",
    "invoke-expression",
    "new function(",
    "source <(",
    ". <(",
    "python -c",
    "python3 -c",
    "node -e",
    "ruby -e",
    "perl -e",
    "pickle.loads(",
    "marshal.loads(",
    "os.system(",
    "vm.runin",
    "instance_eval",
)
"""What takes a text for a program, in lower case."""
_INSTALLERS = (
    "pip install",
    "pip3 install",
    "pipx install",
    "pipx run",
    "uvx ",
    "npx ",
    "bunx ",
    "npm install",
    "npm i ",
    "yarn add",
    "pnpm add",
    "deno run",
    "deno install",
    "cargo install",
)
_FROM_URLS = ("git+", "http://", "https://")
_OF_AN_INDEX = ("-i", "--index", "--extra-index", "--registry", "-f", "--find-links", "--proxy")
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ash", "ksh", "fish"})
_INTERPRETERS = frozenset(
    {"python", "python2", "python3", "node", "ruby", "perl", "php", "pwsh", "powershell"}
)
_EVALUATORS = frozenset({"iex", "invoke-expression"})
_BEFORE_A_COMMAND = frozenset({"sudo", "env", "doas", "exec", "command", "time", "nohup"})
_ENDS_A_COMMAND = (";", "&", ">", "<", "2>", ")", "`", '"', "'", "#")
_TLS_OFF = (
    "curl -k",
    "--insecure",
    "--no-check-certificate",
    "verify=false",
    "verify = false",
    "rejectunauthorized: false",
    "rejectunauthorized:false",
    "node_tls_reject_unauthorized=0",
    "node_tls_reject_unauthorized: 0",
    'node_tls_reject_unauthorized="0"',
    "strict-ssl false",
    "strict-ssl=false",
    "http.sslverify false",
    "http.sslverify=false",
    "git_ssl_no_verify=",
    "insecureskipverify: true",
    "skipcertificatecheck",
    "ssl._create_unverified_context",
    "cert_none",
)
_COMMENTS = ("# ", "// ")
_USES = re.compile(r"""(?:^|[\s{,"'-])uses["']? ?: ?["']?([^\s"',}#]+)""")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_IMAGE = re.compile(r"sha256:[0-9a-f]{64}")


def _pipes_a_download(line: str) -> bool:
    """`curl … | sh`, `sh <(curl …)`, `sh -c "$(curl …)"`, and their likes."""
    downloads = False
    for part in line.split("|"):
        if downloads and _takes_a_program(part):
            return True
        downloads = downloads or any(word in part for word in _FETCHING)
    return downloads and any(
        f"{shell} {opening}" in line
        for shell in ("sh", "bash", "zsh", "dash")
        for opening in ("<(", '-c "$(', "-c $(", '-c "`', "<<<")
    )


def _takes_a_program(part: str) -> bool:
    """Does this part of a pipe run what comes in, and not a file or a text that it names."""
    words = part.split()
    while words and _leads(words[0]):
        words.pop(0)
    if not words:
        return False
    program = words[0].rpartition("/")[2].strip("()\"'`;&")
    given = words[1] if len(words) > 1 else ""
    bare = (
        not given
        or given == "-"
        or given.startswith(_ENDS_A_COMMAND)
        or words[0].endswith((";", ")", '"', "'", "`"))
    )
    if program in _SHELLS:
        return bare or (given.startswith("-") and not given.startswith("-c"))
    return program in _EVALUATORS or (bare and program in _INTERPRETERS)


def _leads(word: str) -> bool:
    return word in _BEFORE_A_COMMAND or "=" in word or word.startswith("-")


def _runs_what_it_fetches(line: str) -> bool:
    """A text that comes over the network and runs as a program, in one statement; or is installed from an address."""
    if any(word in line for word in _INSTALLERS) and _names_an_address(line):
        return True
    starts = [at for word in _RUNNING if (at := line.find(word)) >= 0 and line[at - 1 : at] != "."]
    return bool(starts) and any(line.rfind(word) > min(starts) for word in _FETCHING)


def _names_an_address(line: str) -> bool:
    """Other than that of an index."""
    words = line.split()
    return any(
        word.strip("\"'").startswith(_FROM_URLS) and not before.startswith(_OF_AN_INDEX)
        for before, word in zip(["", *words[:-1]], words, strict=True)
    )


def _is_an_action_file(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return path.lower().startswith(".github/workflows/") or name in {"action.yml", "action.yaml"}


def _uses_what_moves(line: str) -> bool:
    """An action by a tag or branch, an image by a tag; one of the same repository is what the tree says."""
    return any(not _is_pinned(used) for used in _USES.findall(line))


def _is_pinned(used: str) -> bool:
    if used.startswith(("./", "../", "$/")):
        return True
    if used.startswith("docker://"):
        return bool(_IMAGE.fullmatch(used.partition("@")[2]))
    return bool(_SHA.fullmatch(used.rpartition("@")[2]))


def _trusts_any_certificate(line: str) -> bool:
    return any(word in line for word in _TLS_OFF)


@dataclass(frozen=True, slots=True)
class _Predicate:
    """`words`: without one of them in a file's added lines, it holds of none. `concerns`: files by their path."""

    words: tuple[str, ...]
    holds: Callable[[str], bool]
    concerns: Callable[[str], bool] = bool


_PREDICATES = {
    "curl_pipe_sh": _Predicate(_FETCHING, _pipes_a_download),
    "remote_code_exec": _Predicate((*_RUNNING, *_INSTALLERS), _runs_what_it_fetches),
    "unpinned_actions": _Predicate(("uses",), _uses_what_moves, _is_an_action_file),
    "tls_off": _Predicate(_TLS_OFF, _trusts_any_certificate),
}
FORBIDDABLE = tuple(_PREDICATES)


def forbiddable(text: str) -> str:
    """An entry of `policies.forbid`. Raises ValueError."""
    if text in FORBIDDABLE:
        return text
    near = nearest(text, list(FORBIDDABLE))
    hint = f"did you mean `{near}`?" if near else f"there are {', '.join(FORBIDDABLE)}"
    raise ValueError(f"`{text}` cannot be forbidden; {hint}")


def hazards(path: str, added: Sequence[tuple[int, str]]) -> tuple[Hazard, ...]:
    """What the predicates find in added lines (number from 1, text), whatever a policy says of it."""
    whole = "\n".join(text for _, text in added).lower()
    likely = {
        name: one.holds
        for name, one in _PREDICATES.items()
        if one.concerns(path) and any(word in whole for word in one.words)
    }
    return tuple(
        Hazard(name=name, line=number)
        for number, line in (_statements(added) if likely else ())
        for name, holds in likely.items()
        if not line.startswith(_COMMENTS) and holds(line)
    )


def _statements(added: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines in lower case, those that go on in the next as one, with the number of the first."""
    first, parts, last = 0, [""], -1
    for number, text in added:
        line = text.strip().lower()
        goes_on = parts[-1].endswith(("\\", "|", "|&")) or line.startswith("|")
        if number == last + 1 and goes_on:
            parts[-1] = parts[-1].removesuffix("\\")
            parts.append(line)
        else:
            yield first, " ".join(parts)
            first, parts = number, [line]
        last = number
    yield first, " ".join(parts)


def judge_forbidden(facts: DiffFacts, policy: Policy) -> Verdict:
    """One leaf for each predicate that the policy forbids."""
    if not policy.forbid:
        return passed("forbid", "the policy forbids nothing by name")
    return all_of("forbid", (_judge(facts, name) for name in policy.forbid))


def _judge(facts: DiffFacts, name: str) -> Verdict:
    places = [f"{fact.path}:{one.line}" for fact in facts.files for one in fact.hazards if one.name == name]
    if not places:
        return passed(name, "no added line does that")
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return blocked(name, f"forbidden: {', '.join(places[:SHOWN])}{more}")
