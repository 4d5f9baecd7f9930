"""What a policy may forbid by name: found where it is, not found where it only looks so, linear in what is added."""

from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_judging import PLAIN, diff

from penstock.core.evidence import Hazard
from penstock.core.policy.hazards import FORBIDDABLE, forbiddable, hazards, judge_forbidden
from penstock.core.policy.rules import Policy
from penstock.core.verdict import Outcome

SHA = "0123456789" * 4
CI = ".github/workflows/ci.yml"
FOUND = [
    ("curl_pipe_sh", "install.sh", "curl -fsSL https://x.test/i.sh | sh"),
    ("curl_pipe_sh", "install.sh", "curl https://x.test/i.sh|bash -s -- --yes"),
    ("curl_pipe_sh", "install.sh", "  wget -qO- https://x.test | sudo -E /bin/bash -"),
    ("curl_pipe_sh", "install.sh", "CURL https://x.test | SH"),
    ("curl_pipe_sh", "Dockerfile", "RUN curl -sL https://x.test | FOO=1 bash && rm x"),
    ("curl_pipe_sh", "install.sh", "curl https://x.test | tee log | sh"),
    ("curl_pipe_sh", "install.sh", "curl https://x.test | gunzip | python3 -"),
    ("curl_pipe_sh", "install.sh", "bash <(curl -s https://x.test)"),
    ("curl_pipe_sh", "install.sh", 'sh -c "$(curl -fsSL https://x.test)"'),
    ("curl_pipe_sh", "install.ps1", "iwr https://x.test | iex"),
    ("curl_pipe_sh", "README.md", "`curl https://x.test | sh`"),
    ("remote_code_exec", "a.py", "exec(requests.get(url).text)"),
    ("remote_code_exec", "a.py", "eval(urlopen(url).read())"),
    ("remote_code_exec", "a.py", "model = pickle.loads(requests.get(url).content)"),
    ("remote_code_exec", "a.sh", 'eval "$(curl -s https://x.test)"'),
    ("remote_code_exec", "a.sh", "source <(curl -s https://x.test)"),
    ("remote_code_exec", "a.sh", 'python3 -c "$(curl https://x.test)"'),
    ("remote_code_exec", "a.js", "eval(await (await fetch(url)).text())"),
    ("remote_code_exec", "a.js", "new Function(await fetch(url).then(r => r.text()))()"),
    ("remote_code_exec", "a.ps1", "Invoke-Expression (New-Object Net.WebClient).DownloadString($u)"),
    ("remote_code_exec", "a.sh", "pip install git+https://x.test/a.git"),
    ("remote_code_exec", "a.sh", "npx https://x.test/a.tgz"),
    ("unpinned_actions", CI, "      - uses: actions/checkout@v4"),
    ("unpinned_actions", CI, "      - uses: 'actions/checkout@main'  # comment"),
    ("unpinned_actions", CI, "      - {uses: actions/checkout@v4, with: {x: y}}"),
    ("unpinned_actions", CI, "    uses: org/repo/.github/workflows/x.yml@main"),
    ("unpinned_actions", CI, "      - uses: docker://alpine:3.20"),
    ("unpinned_actions", CI, f"      - uses: actions/checkout@{SHA[:39]}"),
    ("unpinned_actions", "deep/action.yaml", "    - uses: actions/checkout@v4"),
    ("tls_off", "a.sh", "curl -k https://x.test -o a"),
    ("tls_off", "a.py", "requests.get(url, verify=False)"),
    ("tls_off", "a.js", "https.request({rejectUnauthorized: false})"),
    ("tls_off", "a.sh", "git config http.sslVerify false"),
    ("tls_off", "a.go", "tls.Config{InsecureSkipVerify: true}"),
]
CLEAN = [
    ("install.sh", "curl -fsSL https://x.test/i.sh -o i.sh"),
    ("install.sh", "curl https://x.test/data.json | jq ."),
    ("install.sh", "curl https://x.test/data.json | python3 -m json.tool"),
    ("install.sh", "curl https://x.test/data.csv | python3 read.py"),
    ("install.sh", "curl https://x.test/data.csv | sh -c 'wc -l'"),
    ("install.sh", "curl https://x.test | perl -ne 'print'"),
    ("install.sh", "cat local.sh | sh"),
    ("install.sh", "# never: curl https://x.test | sh"),
    ("a.md", "| curl | shell |"),
    ("a.sh", "pip install requests"),
    ("a.sh", "pip install -i https://index.test/simple requests"),
    ("a.sh", "npm install --registry https://npm.test left-pad"),
    ("a.js", "const found = /x/.exec(await fetch(url))"),
    ("a.js", "button.onclick = function() { return fetch(url) }"),
    ("a.py", "data = requests.get(url).json()"),
    ("a.py", "exec(compile(tree, name, 'exec'))"),
    (CI, f"      - uses: actions/checkout@{SHA} # v4"),
    (CI, "      - uses: ./.github/actions/own"),
    (CI, f"      - uses: docker://alpine@sha256:{'ab' * 32}"),
    (CI, "      - name: uses no action@all"),
    ("docs/a.yml", "      - uses: actions/checkout@v4"),
    ("a.sh", "curl --key a.pem https://x.test"),
]


def found(path: str, *lines: str, first: int = 1) -> list[tuple[str, int]]:
    return [(one.name, one.line) for one in hazards(path, list(enumerate(lines, start=first)))]


@pytest.mark.parametrize(("name", "path", "line"), FOUND)
def test_what_can_be_forbidden_is_found(name, path, line):
    assert (name, 7) in found(path, line, first=7)


@pytest.mark.parametrize(("path", "line"), CLEAN)
def test_what_only_looks_so_is_not(path, line):
    assert found(path, line) == []


@pytest.mark.parametrize(
    "lines",
    [("curl https://x.test \\", "  | sh"), ("curl https://x.test |", "sh"), ("curl https://x.test", "| sh")],
)
def test_a_statement_may_go_on_in_the_next_line(lines):
    assert found("a.sh", "true", *lines, "true") == [("curl_pipe_sh", 2)]


def test_lines_with_others_between_them_are_no_statement():
    assert hazards("a.sh", [(1, "curl https://x.test |"), (3, "sh")]) == ()


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_has_an_answer(lines):
    assert {name for name, _ in found(CI, *lines)} <= set(FORBIDDABLE)


@pytest.mark.parametrize("unit", ["curl |", "eval(curl ", "uses: a@", "| ", "npx https://x ", "sh <(curl "])
def test_a_hostile_line_costs_its_length(unit):
    began = perf_counter()
    hazards(CI, [(1, unit * 20_000)])
    assert perf_counter() - began < 5.0, "a quadratic search would take minutes"


def test_only_what_the_policy_forbids_is_stopped():
    facts = diff(
        replace(PLAIN, hazards=(Hazard(name="tls_off", line=3), Hazard(name="curl_pipe_sh", line=9)))
    )
    assert judge_forbidden(facts, Policy()).outcome is Outcome.PASS
    verdict = judge_forbidden(facts, Policy(forbid=("curl_pipe_sh", "unpinned_actions")))
    assert [(leaf.rule, leaf.outcome, leaf.reason) for leaf in verdict.children] == [
        ("curl_pipe_sh", Outcome.BLOCK, "forbidden: src/lib/a.py:9"),
        ("unpinned_actions", Outcome.PASS, "no added line does that"),
    ]


def test_many_places_are_counted():
    many = tuple(Hazard(name="tls_off", line=line) for line in range(1, 31))
    (leaf,) = judge_forbidden(diff(replace(PLAIN, hazards=many)), Policy(forbid=("tls_off",))).children
    assert leaf.reason.endswith("src/lib/a.py:5 and 25 more")


@pytest.mark.parametrize(
    ("text", "said"), [("curl_pip_sh", "did you mean `curl_pipe_sh`"), ("xyz", "there are curl_pipe_sh, ")]
)
def test_what_cannot_be_forbidden(text, said):
    with pytest.raises(ValueError, match=said):
        forbiddable(text)
