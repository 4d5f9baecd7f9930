"""Recipes propose trees: the same each time, stable on their own output, or refused with the reason."""

import re
from pathlib import Path

import pytest
from tests.contract.git.origin import REPO, Origin, mirrored

from penstock.adapters.agents.definition import Recipe, RenameFile, Replace, Rule
from penstock.adapters.agents.recipe import RecipeProposer
from penstock.adapters.agents.recipes import Library, Listed, load_library
from penstock.adapters.git.mirrors import Mirrors
from penstock.adapters.sandbox import Bubblewrap
from penstock.adapters.sandbox.limits import Limits
from penstock.core.policy.patches import Scope, judge_integrity, judge_policy
from penstock.core.policy.rules import Policy
from penstock.core.proposal import Brief, ProposalRefused, Proposed
from penstock.core.refs import Sha
from penstock.core.verdict import failures
from penstock.ports import Sandbox

ROOT = Path(__file__).parents[3]
BASE: dict[str, bytes | None] = {
    "a.py": b"from lib import old\nold(olden, 'old') # old.\n",
    "b.txt": b"old\n",
    "data.bin": b"old\xff\n",
}


@pytest.fixture(scope="module")
def sandbox() -> Bubblewrap:
    return Bubblewrap(Limits(disk=4 << 20, scratch=1 << 20, files=500, processes=32))


class Bench:
    """A repository with one commit, and what becomes of it."""

    def __init__(self, place: Path, sandbox: Sandbox, files: dict[str, bytes | None]) -> None:
        self.place = place
        self.sandbox = sandbox
        origin = Origin(place / "origin")
        self.base = origin.commit(files)
        self.mirrors: Mirrors = mirrored(place / "mirrors", origin, self.base)

    def propose(self, recipe: Recipe | str, library: Library | None = None) -> Proposed | ProposalRefused:
        if isinstance(recipe, Recipe):
            library = Library((Listed(recipe=recipe, text=recipe.run),))
        assert library is not None
        proposer = RecipeProposer(library, self.mirrors, self.sandbox, self.place / "scratch")
        name = recipe.name if isinstance(recipe, Recipe) else recipe
        answer = proposer.propose(Brief(recipe=name, repo=REPO, base=self.base))
        assert not list((self.place / "scratch").glob("*")), "nothing is left behind"
        return answer

    def contents(self, tree: Sha) -> dict[str, bytes]:
        return dict(self.mirrors.files(REPO, tree, self.mirrors.paths(REPO, tree)))


@pytest.fixture
def bench(tmp_path: Path, sandbox: Bubblewrap) -> Bench:
    return Bench(tmp_path, sandbox, BASE)


def command(run: str, seconds: int = 20) -> Recipe:
    return Recipe(name="test", title="Test", run=run, allowed_paths=("*",), timeout_seconds=seconds)


def rules(*steps: Replace | RenameFile) -> Recipe:
    made = tuple(
        Rule(replace=step) if isinstance(step, Replace) else Rule(rename_file=step) for step in steps
    )
    return Recipe(name="test", title="Test", rules=made, allowed_paths=("*",))


def test_a_command_proposes_what_it_leaves(bench: Bench) -> None:
    answer = bench.propose(command("sed -i 's/old/new/' b.txt; echo x > fresh; rm -f data.bin"))
    assert isinstance(answer, Proposed)
    assert bench.contents(answer.tree) == {"a.py": BASE["a.py"], "b.txt": b"new\n", "fresh": b"x\n"}
    assert (answer.backend, answer.repeats) == ("recipe", 3)
    assert answer.context.startswith("sha256:")


def test_nothing_to_change_is_the_base_itself(bench: Bench) -> None:
    answer = bench.propose(command("true"))
    assert isinstance(answer, Proposed)
    assert answer.tree == bench.mirrors.tree_of(REPO, bench.base)


def test_the_context_names_the_recipe_and_the_base(bench: Bench) -> None:
    one, two, same = (bench.propose(command(run)) for run in ("true", "true # again", "true"))
    assert isinstance(one, Proposed)
    assert isinstance(two, Proposed)
    assert isinstance(same, Proposed)
    assert one.context == same.context != two.context


@pytest.mark.parametrize(
    ("run", "code", "says"),
    [
        ("echo went wrong; exit 7", "failed", "test exited with 7. It printed last:\nwent wrong\n"),
        ("printf 'x\\033[31m' >&2; false", "failed", "x\ufffd[31m"),
        ("touch /usr/bin/x", "failed", "Read-only file system"),
        ("date +%s%N > stamp", "not_deterministic", "test gave two results on the same files: stamp"),
        ("head -c 9 /dev/urandom > a.py", "not_deterministic", "a.py"),
        ("echo more >> b.txt", "not_idempotent", "changed its own output when it was run on it again: b.txt"),
        ("sleep 60", "timeout", "test was still running after 1 s and was ended."),
        ("yes", "failed", "printed more than 256 KiB"),
        ("cat /dev/zero > big || true", "too_large", "more than the sandbox has room for"),
        ("mkdir .git; printf '[core]\\nfsmonitor = touch {marker}\\n' > .git/config", "unsafe_tree", ".git would be"),
        ("mkfifo pipe", "unsafe_tree", "pipe is a named pipe"),
        ("python -c \"import socket; socket.socket(socket.AF_UNIX).bind('s')\"", "unsafe_tree", "s is a named pipe"),
        ("printf x > \"$(printf 'a\\377')\"", "unsafe_tree", "not UTF-8"),
        ("bomb() {{ bomb | bomb & }}\nbomb\nwhile :; do :; done", "timeout", "still running"),
        ("rm b.txt", "not_idempotent", "Run again on its own output, test exited with 1."),
    ],
)  # fmt: skip
def test_bad_work_is_refused_with_the_reason(
    bench: Bench, tmp_path: Path, run: str, code: str, says: str
) -> None:
    marker = tmp_path / "ran"
    answer = bench.propose(command(run.format(marker=marker), seconds=1 if code == "timeout" else 20))
    assert isinstance(answer, ProposalRefused), answer
    assert answer.code == code, answer
    assert says in answer.detail
    assert str(bench.place) not in answer.detail, "where it ran on this machine is nobody's business"
    assert not marker.exists()


def test_links_are_proposed_for_the_policy_to_judge(bench: Bench) -> None:
    answer = bench.propose(command("ln -sf /etc/passwd link"))
    assert isinstance(answer, Proposed)
    facts = bench.mirrors.facts(REPO, bench.base, answer.tree)
    verdict = judge_policy(facts, Policy())
    assert not verdict.allows
    assert [leaf.rule for leaf in failures(verdict)] == ["links"]


def test_an_unknown_recipe_is_said_with_those_there_are(bench: Bench) -> None:
    answer = bench.propose("renam-api", load_library((ROOT / "recipes",)))
    assert isinstance(answer, ProposalRefused)
    assert answer.code == "unknown_recipe"
    assert "rename-api" in answer.detail


def test_a_word_is_replaced_where_it_stands_alone(bench: Bench) -> None:
    answer = bench.propose(rules(Replace(files=("*.py", "*.bin"), word="old", new="new\\1")))
    assert isinstance(answer, Proposed)
    assert bench.contents(answer.tree) == {
        **BASE,
        "a.py": b"from lib import new\\1\nnew\\1(olden, 'new\\1') # new\\1.\n",
    }


def test_a_file_is_renamed_once(bench: Bench) -> None:
    answer = bench.propose(
        rules(RenameFile(old="b.txt", new="docs/c.txt"), RenameFile(old="missing", new="x"))
    )
    assert isinstance(answer, Proposed)
    assert sorted(bench.contents(answer.tree)) == ["a.py", "data.bin", "docs/c.txt"]


@pytest.mark.parametrize(
    ("recipe", "code", "says"),
    [
        (
            rules(RenameFile(old="b.txt", new="a.py")),
            "failed",
            "cannot rename b.txt to a.py: both are there.",
        ),
        (rules(Replace(files=("*",), word="old", new="old old")), "not_idempotent", "a.py, b.txt"),
    ],
)
def test_rules_that_cannot_be_applied_are_refused(bench: Bench, recipe: Recipe, code: str, says: str) -> None:
    answer = bench.propose(recipe)
    assert isinstance(answer, ProposalRefused)
    assert (answer.code, says in answer.detail) == (code, True), answer


def test_rules_do_not_reach_through_links(tmp_path: Path, sandbox: Bubblewrap) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_bytes(b"old\n")
    place = tmp_path / "bench"
    origin = Origin(place / "linked")
    (origin.folder / "out").symlink_to(outside)
    (origin.folder / "in.py").symlink_to("b.txt")
    bench = Bench(place, sandbox, BASE)
    bench.base = origin.commit(BASE)
    bench.mirrors.sync(REPO, origin.url, (bench.base,))
    answer = bench.propose(rules(Replace(files=("*.py",), word="old", new="new")))
    assert isinstance(answer, Proposed)
    assert [edit.path for edit in bench.mirrors.edits(REPO, bench.base, answer.tree)] == ["a.py"]
    assert (outside / "x.py").read_bytes() == b"old\n"


def demo(tmp_path: Path, sandbox: Sandbox, name: str) -> Bench:
    """One of the demonstration's repositories."""
    folder = ROOT / "demo/acme" / name
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return Bench(tmp_path / name, sandbox, dict(files))


def test_the_demonstrations_rename_reaches_the_library_and_its_users(
    tmp_path: Path, sandbox: Bubblewrap
) -> None:
    library = load_library((ROOT / "recipes",))
    assert library.matching(frozenset({"bot-task"}), "Rename slugify to to_slug") == ("rename-api",)
    card = library.card("rename-api")
    assert card is not None
    for name, takes_part in (
        ("textkit", True),
        ("linkbuilder", True),
        ("newsdesk", True),
        ("clockwork", False),
    ):
        bench = demo(tmp_path, sandbox, name)
        paths = bench.mirrors.paths(REPO, bench.base)
        read = lambda wanted, bench=bench: bench.mirrors.files(REPO, bench.base, wanted)  # noqa: E731
        assert library.takes_part("rename-api", f"acme/{name}", paths, read) is takes_part
        answer = bench.propose("rename-api", library)
        assert isinstance(answer, Proposed)
        texts = bench.contents(answer.tree)
        assert not [path for path, text in texts.items() if re.search(rb"\bslugify\b", text)]
        facts = bench.mirrors.facts(REPO, bench.base, answer.tree)
        assert bool(facts.files) is takes_part
        scope = Scope(allowed=card.allowed_paths)
        assert judge_policy(facts, Policy()).allows
        assert judge_integrity(facts, scope, Policy()).allows is takes_part


def test_the_demonstrations_bad_recipe_is_stopped_by_policy(tmp_path: Path, sandbox: Bubblewrap) -> None:
    library = load_library((ROOT / "recipes",))
    assert library.matching(frozenset({"bot-task"}), "Pin the CI's Python") == ("pin-ci-python",)
    card = library.card("pin-ci-python")
    assert card is not None
    bench = demo(tmp_path, sandbox, "clockwork")
    answer = bench.propose("pin-ci-python", library)
    assert isinstance(answer, Proposed)
    facts = bench.mirrors.facts(REPO, bench.base, answer.tree)
    assert [fact.path for fact in facts.files] == [".github/workflows/ci.yml", "pyproject.toml"]
    verdict = judge_policy(facts, Policy())
    assert [leaf.rule for leaf in failures(verdict)] == ["protected_paths"]


MODERN: dict[str, bytes | None] = {
    "pyproject.toml": b'[project]\nname = "x"\nrequires-python = ">=3.10"\n',
    "types.py": b"raise SystemExit('a module of the repository was run')\n",
    "m.py": b"""# -*- coding: utf-8 -*-
import re \x20
from typing import (
    Any,
    Dict, List,
)
from typing import Set, Tuple\r

class A( object ):
    x: Dict[str, List[int]] = {}\t
    t = \"\"\"  kept\x20
    \"\"\"\x20

def f(x: "\xc3\xa9" = 1, *, y: Tuple[Any, ...] = ()) -> List[str]: ...
""",
    "spoken.py": b"from typing import List\n\"\"\"A List of things\"\"\"\nx: List[int] = []\n",
    "shadowed.py": b"from typing import List\ndef list(): ...\nx: List[int] = []\n",
    "broken.py": b"def f(:  \nclass A(object):\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "changed"),
    [
        (
            "trim-trailing-whitespace",
            {"m.py": {"import re  \n": "import re\n", "{}\t\n": "{}\n", '""" \n': '"""\n'}},
        ),
        ("python3-idioms", {"m.py": {"# -*- coding: utf-8 -*-\n": "", "class A( object ):": "class A:"}}),
        (
            "builtin-generics",
            {
                "m.py": {
                    "    Dict, List,\n": "",
                    "from typing import Set, Tuple\r": "from typing import Set\r",
                    "Dict[str, List[int]]": "dict[str, list[int]]",
                    "Tuple[Any, ...]": "tuple[Any, ...]",
                    "-> List[str]": "-> list[str]",
                }
            },
        ),
    ],
)
def test_the_useful_recipes_change_what_they_say_and_nothing_else(
    tmp_path: Path, sandbox: Bubblewrap, recipe: str, changed: dict[str, dict[str, str]]
) -> None:
    bench = Bench(tmp_path / "bench", sandbox, MODERN)
    answer = bench.propose(recipe, load_library((ROOT / "recipes",)))
    assert isinstance(answer, Proposed), answer
    expected = dict(MODERN)
    for path, replacements in changed.items():
        text = (MODERN[path] or b"").decode()
        for old, new in replacements.items():
            assert old in text
            text = text.replace(old, new)
        expected[path] = text.encode()
    assert bench.contents(answer.tree) == expected


def test_builtin_generics_leave_projects_for_older_pythons_alone(tmp_path: Path, sandbox: Bubblewrap) -> None:
    older = {**MODERN, "pyproject.toml": b'[project]\nname = "x"\nrequires-python = ">=3.8"\n'}
    bench = Bench(tmp_path / "bench", sandbox, older)
    answer = bench.propose("builtin-generics", load_library((ROOT / "recipes",)))
    assert isinstance(answer, Proposed)
    assert answer.tree == bench.mirrors.tree_of(REPO, bench.base)
