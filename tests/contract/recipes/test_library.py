"""Recipe files: read strictly, matched to issues by labels, to repositories by what is in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from penstock.adapters.agents.definition import RECIPE, Match, Recipe, ad_hoc, written
from penstock.adapters.agents.recipes import BadRecipes, Library, Listed, load_library
from penstock.core.document import parse

SHIPPED = Path(__file__).parents[3] / "recipes"
GOOD = "name: good\ntitle: Good\nrun: echo\nallowed_paths: ['*']\n"


def problems(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    with pytest.raises(BadRecipes) as bad:
        load_library((folder,))
    return [line.replace(f"{folder}/", "") for line in bad.value.problems]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("title", "titel"), "good.yml:2:1: titel: unknown key; did you mean `title`?"),
        (("run: echo\n", "match: {label: [x]}\nrun: echo\n"), "good.yml:3:9: match.label: unknown key; did you mean `labels`?"),
        (("run: echo\n", ""), "good.yml:1:1: give exactly one of `run` and `rules`"),
        (("run: echo", "run: echo\nrules: [{rename_file: {from: a, to: b}}]"), "good.yml:1:1: give exactly one of `run` and `rules`"),
        (("run: echo", "rules: [{}]"), "good.yml:3:9: rules[0]: give exactly one of `replace` and `rename_file`"),
        (("run: echo", "rules:\n  - replace: {files: ['*'], wrod: a, with: b}"), "good.yml:4:29: rules[0].replace.wrod: unknown key; did you mean `word`?"),
        (("run: echo", "rules:\n  - rename_file: {from: ../a, to: b}"), "good.yml:4:19: rules[0].rename_file.from: must be a file's path below the repository's root"),
        (("run: echo", "run: echo\nmatch: {title: Fix*}"), "good.yml:4:1: match: `title` needs `labels`: a title alone must not start work"),
        (("run: echo", "run: echo\ncomplexity: 11"), "good.yml:4:1: complexity: Input should be less than or equal to 10"),
        (("run: echo", "run: echo\ntimeout_seconds: '5'"), "good.yml:4:1: timeout_seconds: Input should be a valid integer"),
        (("allowed_paths: ['*']", "allowed_paths: []"), "good.yml:4:1: allowed_paths: Tuple should have at least 1 item after validation, not 0"),
        (("name: good", "name: Good"), "good.yml:1:1: name: String should match pattern '^[a-z0-9]+(-[a-z0-9]+)*$'"),
        (("name: good", "name: other"), "good.yml: name: is `other`; a recipe is named as its file is, `good`"),
        (("run: echo", "run: echo\nrun: rm"), "good.yml:4:1: run: this key is given twice"),
        (("run: echo", "run: [echo"), "good.yml:4:14: expected ',' or ']', but got ':'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    assert expected in problems(tmp_path, good=GOOD.replace(*change))


def test_all_problems_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "bytes.yml").write_bytes(b"\xff")
    found = problems(tmp_path, one="nam: x", fine=GOOD.replace("good", "fine"), two="[]")
    assert {line.split(":")[0] for line in found} == {"bytes.yml", "one.yml", "two.yml"}


def test_an_own_recipe_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "rename-api.yml").write_text(GOOD.replace("good", "rename-api"))
    library = load_library((SHIPPED, tmp_path))
    card = library.card("rename-api")
    assert card is not None
    assert card.title == "Good"
    assert library.card("unheard-of") is None


def test_the_shipped_recipes_are_good() -> None:
    library = load_library((SHIPPED,))
    assert set(library.names) >= {"rename-api", "pin-ci-python", "trim-trailing-whitespace"}
    for name in library.names:
        card = library.card(name)
        assert card is not None
        assert card.description
        assert card.text == (SHIPPED / f"{name}.yml").read_text(encoding="utf-8")


def recipe(**match: object) -> Library:
    made = Recipe(name="r", title="R", run="true", allowed_paths=("*",), match=Match(**match))  # type: ignore[arg-type]
    return Library((Listed(recipe=made, text=""),))


@pytest.mark.parametrize(
    ("match", "labels", "title", "asks"),
    [
        ({"labels": ("bot-task",)}, {"bot-task", "bug"}, "anything", True),
        ({"labels": ("bot-task", "x")}, {"bot-task"}, "anything", False),
        ({"labels": ("bot-task",), "title": "Rename slug*"}, {"bot-task"}, "rename SLUGIFY to x", True),
        ({"labels": ("bot-task",), "title": "Rename slug*"}, {"bot-task"}, "Please rename slugify", False),
        ({"labels": ("bot-task",), "title": "Rename*"}, set(), "Rename", False),
        ({}, {"bot-task"}, "anything", False),
        ({"files": ("*.py",)}, {"bot-task"}, "anything", False),
    ],
)
def test_only_labels_let_an_issue_ask(
    match: dict[str, object], labels: set[str], title: str, asks: bool
) -> None:
    assert recipe(**match).matching(frozenset(labels), title) == (("r",) if asks else ())


FILES = {"src/a.py": b"from lib import old", "README.md": b"old", "data.bin": b"\xff"}


@pytest.mark.parametrize(
    ("match", "takes_part"),
    [
        ({}, True),
        ({"repositories": ("widget",)}, True),
        ({"repositories": ("wid*", "x")}, True),
        ({"repositories": ("acme/*",)}, True),
        ({"repositories": ("other/*", "gadget")}, False),
        ({"files": ("*.py",)}, True),
        ({"files": ("/a.py",)}, False),
        ({"files": ("src/**",), "contains": "old"}, True),
        ({"files": ("src/**",), "contains": "new"}, False),
        ({"contains": "old"}, True),
        ({"contains": "old", "repositories": ("gadget",)}, False),
    ],
)
def test_a_repository_takes_part_if_it_has_what_is_matched(
    match: dict[str, object], takes_part: bool
) -> None:
    asked: list[str] = []

    def read(paths: Sequence[str]) -> Mapping[str, bytes]:
        asked.extend(paths)
        return {path: FILES[path] for path in paths}

    assert recipe(**match).takes_part("r", "acme/widget", tuple(FILES), read) is takes_part
    assert not asked or "contains" in match, "contents are only read where they matter"
    assert not recipe(**match).takes_part("unheard-of", "acme/widget", tuple(FILES), read)


@pytest.mark.parametrize(
    "command", ["true", "sed -i 's/a/b/' *.py\necho done", 'echo "yes: no" # x', "a" * 300, "é\t'"]
)
def test_a_command_becomes_a_recipe_that_can_be_kept(command: str) -> None:
    made = ad_hoc(command)
    assert parse(written(made), RECIPE) == made
    assert made.run == command
    assert made == ad_hoc(command)
    patient = ad_hoc(command, 600)
    assert patient.timeout_seconds == 600
    assert patient.name != made.name, "one name is one text"


def test_every_recipe_survives_being_written() -> None:
    library = load_library((SHIPPED,))
    for name in library.names:
        listed = library.get(name)
        assert listed is not None
        assert parse(written(listed.recipe), RECIPE) == listed.recipe


@pytest.mark.parametrize("command", ["", " \n"])
def test_an_empty_command_is_no_recipe(command: str) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        ad_hoc(command)
