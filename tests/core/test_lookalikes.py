"""Words and marks that are not what they look like, in eight languages; and what is quite in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.lookalikes import disguised
from penstock.core.text import has_hidden

HOMOGLYPHS = {
    "python": [
        "def s\u0430yHello():",
        "if user.is_\u0430dmin:",
        "\uff45val(payload)",
        "\U0001d41eval(payload)",
        "import \u043es",
        "retu\u0433n_code = 1",
        "\u017fet_password(p)",
        "p\u0430ssword == stored",
    ],
    "javascript": [
        "if (environment\u01c3=ENV_PROD) {",
        "const p\u0430th = require('path');",
        "function \u0435scape(s) {}",
        "window.l\u043ecation = x",
        "return isAdmin\u037e",
        "acce\u0455s.log(1)",
        "var \u0251dmin = false",
    ],
    "c": [
        "int i\u0455_root(void);",
        "#define TRU\u0415 0",
        "free(\u0440tr);",
        "memcpy(\u0501st, src, n);",
        "a\u037e b = 2;",
        "while (n\u2217p) {",
    ],
    "go": [
        "func (u *User) IsAdm\u0456n() bool {",
        "import \u0435rrors2",
        "err\u043er := nil",
        "x\uff1a= 1",
    ],
    "rust": ["let mut v\u0430lue = 1;", "fn dr\u03bfp() {}", "pub struct \u0410pp;", "unsafe\uff5b"],
    "java": [
        "public class \u0421lient {}",
        "String t\u03bfken;",
        "throw new Err\u043er();",
        "System.\u043eut.println();",
        "int \u13aad\u13e2min;",
    ],
    "csharp": ["var u\u0455er = Context.User;", "public v\u043eid Run() {}", "using Syst\u0435m;"],
    "yaml and shell": [
        "  us\u0435r: root",
        "export P\u0410TH=/tmp",
        "curl http\uff1a//example.org",
        "t\u043eken: x",
        "\u0441at /etc/passwd",
    ],
}
HIDDEN = {
    "python": [
        "access = 'user\u202e \u2066# admin\u2069 \u2066'",
        "def is\u200bAdmin():",
        "x = 1 \u2067# y\u2069",
    ],
    "javascript": [
        "if (access != 'user\u202e \u2066// Check if admin\u2069 \u2066') {",
        "const { timeout,\u3164} = req.query;",
        "let a\u200c = 1",
    ],
    "c": ["/*\u202e } \u2066if (isAdmin)\u2069 \u2066 begin admins only */", "int a\u2060b;"],
    "go": ['if access != "user\u202e \u2066// admin\u2069 \u2066" {', "const a\u00adb = 1"],
    "rust": ["/*\u202e } \u2066if is_admin\u2069 \u2066 */", "fn a\ufeffb() {}"],
    "java": ['String a = "user\u202e \u2066// admin\u2069 \u2066";', "int \u115fx;"],
    "csharp": ["// \u202e\u2066 } if (admin) \u2069", "var a\u180eb = 1;"],
    "yaml and shell": ["  run: echo \u202e\u2066# safe\u2069", "rm -rf\u2063 /x"],
}


def samples(table: dict[str, list[str]]) -> list[str]:
    return [line for lines in table.values() for line in lines]


def test_there_are_enough_of_them():
    assert len(samples(HOMOGLYPHS)) + len(samples(HIDDEN)) >= 50
    assert len(HOMOGLYPHS) == len(HIDDEN) == 8


@pytest.mark.parametrize("line", samples(HOMOGLYPHS), ids=ascii)
def test_lookalikes_are_found(line: str):
    assert disguised(line)


@pytest.mark.parametrize("line", samples(HIDDEN), ids=ascii)
def test_hidden_ones_are_found(line: str):
    assert has_hidden(line)


@pytest.mark.parametrize("line", ["RED='\x1b[31m'", 'BOLD="\x1b[1;30m"', "END='\x1b[0m'; NONE='\x1b[m'"])
def test_a_colour_that_a_text_ends_with_hides_nothing(line: str):
    assert not has_hidden(line)


@pytest.mark.parametrize(
    "line",
    ["# \x1b[30mrm -rf /\x1b[0m", "X='\x1b[8m'", "X='\x1b[30mrm'", "X='\x1b[47m'", "X='\x1b[2K'", "X='\x1b[A'", "X='\x1b[30;47m'", "X='\x1b'"],
)  # fmt: skip
def test_what_a_terminal_hides_moves_or_erases_is_found(line: str):
    assert has_hidden(line)


FINE = [
    "plain = 1",
    "# naïve café, Straße, Ångström, señor 1º",
    "// сахар и ещё что-то",
    "# с файлом",
    "ключ = значение",
    "# λx. x + σ² and Δt, 5 µs, 3 kΩ",
    "α = 0.5; β1 = 2",
    "# 日本語のコメント、Pythonで書く（テスト）",
    "print('中文API文档')",
    "// 한국어API",
    "x ∈ ℝ, xᵢ, m², ½, №, ™",
    "eﬃcient ﬁle",
    "print('שלום')",
    "msg = 'مرحبا'",
    "sınıf İstanbul",
    "emoji = '👩‍💻 ✔️'",
    "“quoted” – dash … ×2 → y",
    "Δx + dθ",
]


@pytest.mark.parametrize("line", FINE, ids=ascii)
def test_ordinary_writing_is_left_alone(line: str):
    assert disguised(line) == ""


def test_a_hostile_line_costs_no_more_than_its_length():
    """Every word of it could be one in disguise, and only its last letter says that none is."""
    assert disguised("\u0441\u043e " * 50_000 + "\u0436") == ""


def test_it_says_where():
    assert disguised("s\u0430y()") == "U+0430 in 's\\u0430y'"


@given(st.text(max_size=200))
def test_any_line_gets_an_answer(line: str):
    assert isinstance(disguised(line), str)


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_ascii_is_never_disguised(line: str):
    assert disguised(line) == ""
