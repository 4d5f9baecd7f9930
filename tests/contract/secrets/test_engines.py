"""The two ways to ask which rules may match, what is kept of the compiled one, and the samples of the rules' sources."""

import gzip
import json
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.secrets.test_secrets import FOUND, ORDINARY

from penstock.adapters.secrets.book import book, shipped
from penstock.adapters.secrets.engines import by_hyperscan, by_keywords, linear
from penstock.adapters.secrets.secrets import scanner
from penstock.core.secrets import RuleBook, Scanner
from penstock.core.secrets.confirm import Confirmed
from penstock.core.secrets.likeness import Likeness

CORPORA = Path(__file__).parents[3] / "../shared/corpora"
beside = pytest.mark.skipif(
    not CORPORA.is_dir(), reason="the open samples are not beside this checkout (../shared)"
)
MENTIONED = {("gcp-service-account", '"type": "service_account"')}
"""Labelled as a secret by the source, but without the key that makes it one."""


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return book(shipped())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def both(rules: RuleBook, kept: Path) -> tuple[Scanner, Scanner]:
    return scanner(kept), Scanner(rules, linear, by_keywords(rules.rules))


def samples(source: str) -> list[dict[str, str]]:
    with gzip.open(CORPORA / f"{source}_examples.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def test_every_rule_has_a_source_with_a_permissive_licence(rules: RuleBook) -> None:
    licences = {source.name: source.licence for source in rules.sources}
    assert {rule.source for rule in rules.rules} == licences.keys()
    assert set(licences.values()) <= {"MIT", "Apache-2.0", "BSD-3-Clause"}
    assert all(source.version for source in rules.sources if source.name != "penstock")


def test_every_expression_is_one_of_a_linear_engine_and_every_keyword_lower_case(rules: RuleBook) -> None:
    for rule in rules.rules:
        for expression in (
            rule.expression,
            *rule.exclude,
            *rule.exclude_match,
            *rule.exclude_line,
            *rule.require,
        ):
            assert linear(expression).groups >= 0
        assert all(word == word.lower() for word in rule.keywords)
        assert not rule.until or linear(rule.expression).groups < 2


def test_a_line_that_is_no_rule_and_an_expression_that_is_none_are_refused() -> None:
    with pytest.raises(ValueError, match="expression"):
        book(b'{"sources": [], "rules": []}\n{"id": "x", "source": "y"}')
    with pytest.raises(ValueError, match="missing"):
        linear("(")


@beside
@pytest.mark.parametrize("source", ["gitleaks", "betterleaks"])
def test_imported_rules_find_their_positives_and_none_of_their_negatives(
    rules: RuleBook, source: str
) -> None:
    likeness = Likeness(rules.words, linear)
    imported: dict[str, list[Confirmed]] = defaultdict(list)
    for rule in rules.rules:
        if rule.source in {"gitleaks", "betterleaks"}:
            imported[rule.id].append(Confirmed(rule, likeness, linear))
    judged, wrong = 0, []
    for sample in samples(source):
        if sample["rule"] not in imported or (sample["rule"], sample["text"]) in MENTIONED:
            continue
        judged += 1
        data = sample["text"].encode(errors="surrogatepass")
        found = any(place for rule in imported[sample["rule"]] for place in rule.places(data))
        if found is not (sample["label"] == "pos"):
            wrong.append((sample["rule"], sample["label"]))
    assert wrong == []
    assert judged > 300


@beside
@pytest.mark.parametrize(
    "source",
    ["gitleaks", *(pytest.param(each, marks=pytest.mark.slow) for each in ("betterleaks", "noseyparker"))],
)
def test_both_engines_find_the_same_in_the_samples(both: tuple[Scanner, Scanner], source: str) -> None:
    native, keywords = both
    for sample in samples(source):
        assert native.find(sample["text"]) == keywords.find(sample["text"])
        assert native.find(native.redact(sample["text"])) == ()


PIECES = st.one_of(
    st.sampled_from([line for _, line in FOUND]),
    st.sampled_from(ORDINARY),
    st.text(max_size=20),
    st.just("\n"),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, max_size=6).map("".join))
def test_both_engines_find_the_same(both: tuple[Scanner, Scanner], text: str) -> None:
    native, keywords = both
    assert native.find(text) == keywords.find(text)
    assert native.redact(text) == keywords.redact(text)


def test_without_hyperscan_the_keywords_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    for rule, line in FOUND:
        assert [found.rule for found in scanner().find(line)] == [rule]


def test_what_was_compiled_is_kept_read_again_and_made_anew_where_it_is_spoilt(
    rules: RuleBook, tmp_path: Path
) -> None:
    few = rules.rules[:7]
    text = b"ghp_" + b"a" * 36
    folder = tmp_path / "new"
    by_hyperscan(few, folder)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    written = file.stat().st_mtime_ns
    assert list(by_hyperscan(few, folder)(text)) == [0]
    assert file.stat().st_mtime_ns == written
    file.write_bytes(whole[: len(whole) // 2] + b"\0" * (len(whole) // 2))
    assert list(by_hyperscan(few, folder)(text)) == [0]
    assert file.read_bytes() == whole
    by_hyperscan(few[:6], folder)
    assert [each.name for each in folder.iterdir()] != [file.name], "of an older book nothing is left"
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_cannot_be_written_costs_time_only(rules: RuleBook, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert list(by_hyperscan(rules.rules[:7], blocked / "below")(b"ghp_" + b"a" * 36)) == [0]


def test_threads_scan_at_the_same_time(both: tuple[Scanner, Scanner]) -> None:
    native, _ = both
    lines = [line for _, line in FOUND] * 20
    wanted = [native.find(line) for line in lines]
    got: list[list[object]] = []
    threads = [
        threading.Thread(target=lambda: got.append([native.find(line) for line in lines])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [wanted] * 4
