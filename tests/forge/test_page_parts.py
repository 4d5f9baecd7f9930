"""What pages are made of: strangers' texts, diffs, states."""

import pytest
from tests.forge.tags import Tags

from localforge.git.diff import FileChange
from localforge.pages.marks import mark
from localforge.pages.patches import LARGEST_OPEN, patches
from localforge.pages.prose import to_page_html

PROSE = (
    ("# A\n\n- b\n- **c** `d`\n", "<h1>A</h1>"),
    ("1. x\n2. y\n", "<li>x</li>"),
    (
        "[ok](https://example.test/?a=1&b=2)",
        '<a rel="nofollow noopener" href="https://example.test/?a=1&amp;b=2">ok</a>',
    ),
    ("[no](javascript:alert(1))", "[no](javascript:alert(1))"),
    ("[no](JaVaScRiPt:alert(1))", "JaVaScRiPt"),
    ("[no](&#106;avascript:alert(1))", "no"),
    ("[no](data:text/html,<script>)", "no"),
    ("[mail](mailto:a@b.test)", "<a>mail</a>"),
    ("[file](docs/x.md)", "<a>file</a>"),
    ("![shown as words](https://evil.test/x.png)", "shown as words"),
    ('![" onerror="alert(1)](https://evil.test/x.png)', "onerror"),
    ('[x](https://e.test "\\" onclick=\\"alert(1)")', "x</a>"),
    ("<script>alert(1)</script>", "&lt;script&gt;"),
    ("<details open onclick=x>\n", "&lt;details open onclick=x&gt;"),
    (
        "<details><summary><b>T</b></summary>\n\ninside\n\n</details>\n\nafter",
        "<details><summary>&lt;b&gt;T&lt;/b&gt;</summary><p>inside</p>\n</details><p>after</p>",
    ),
    ("<details>\n<summary>T</summary>\n\ninside", "<details><summary>T</summary><p>inside</p>\n</details>"),
    ("</details>\n\ntext", "&lt;/details&gt;"),
    ("<summary>alone</summary>", "&lt;summary&gt;"),
    ("```\n<details>\n<!-- kept -->\n```\n", "&lt;details&gt;\n&lt;!-- kept --&gt;"),
    ("<!-- a\n```\nb -->\n\nshown", "<p>shown</p>"),
    ("`<!--` shown `-->`", "shown"),
    ('```html" onload="alert(1)\nx\n```', "x"),
    ("<details>\n" * 50, "<details>"),
)


@pytest.mark.parametrize(("text", "expected"), PROSE)
def test_prose_is_a_safe_subset_of_markdown(text: str, expected: str) -> None:
    """Each text has its effect, and none has a tag, attribute or address beyond the subset."""
    rendered = to_page_html(text)
    assert expected in rendered
    found = Tags(rendered)
    assert found.tags <= {
        "h1",
        "p",
        "ul",
        "ol",
        "li",
        "strong",
        "code",
        "pre",
        "a",
        "details",
        "summary",
        "br",
    }
    assert found.attributes <= {"rel", "href", "class"}
    assert all(to.startswith(("https://", "http://", "#")) for to in found.addresses)
    assert rendered.count("<details>") == rendered.count("</details>")


def test_comments_leave_no_trace() -> None:
    """The record that Penstock hides in a body is not shown; neither is what follows an open comment."""
    assert to_page_html("a\n\n<!-- SECRET {} -->\n") == "<p>a</p>\n"
    assert "SECRET" not in to_page_html("a\n\n<!-- SECRET\nmore\n")


def changed(path: str, patch: str | None, lines: int = 1) -> FileChange:
    """A modified file."""
    return FileChange(
        path=path, old_path=None, status="modified", sha="0" * 40, old_mode="100644", new_mode="100644",
        additions=lines, deletions=0, patch=patch,
    )  # fmt: skip


def test_a_diff_numbers_its_lines_and_folds_what_nobody_reads() -> None:
    """Numbers run on both sides; lock files and long diffs are folded, and a full page stops."""
    (small,) = patches(
        [changed("a.py", "@@ -3,2 +4,3 @@ def f\n same\n-old\n+new\n+more\n\\ No newline at end of file")]
    )
    assert [(line.kind, line.old, line.new) for line in small.lines] == [
        ("hunk", "", ""), ("same", "3", "4"), ("removed", "4", ""), ("added", "", "5"), ("added", "", "6"), ("note", "", ""),
    ]  # fmt: skip
    assert not small.folded
    long = "@@ -0,0 +1,9 @@\n" + "\n".join("+x" for _ in range(LARGEST_OPEN + 1))
    assert [
        patch.folded
        for patch in patches([changed("b.py", long), changed("web/package-lock.json", "@@ -1 +1 @@\n+x")])
    ] == [True, True]
    huge = "@@ -0,0 +1,9 @@\n" + "+x\n" * 30_000
    assert (
        patches([changed("c.py", huge), changed("d.py", "@@ -1 +1 @@\n+x")])[0].note
        == "not shown: the page is full"
    )
    assert patches([changed("e.bin", None, lines=0)])[0].note == "no lines to show"
    assert patches([changed("f.py", None)])[0].note == "too large to show"


@pytest.mark.parametrize(
    ("words", "word", "colour"),
    [
        (("failure", "completed"), "failure", "failed"),
        ((None, "in_progress"), "in progress", "running"),
        (("SUCCESS",), "success", "done"),
        (("never heard of",), "never heard of", "queued"),
        ((None,), "unknown", "queued"),
    ],
)
def test_a_state_is_a_shape_a_word_and_a_colour(
    words: tuple[str | None, ...], word: str, colour: str
) -> None:
    found = mark(*words)
    assert (found.word, found.colour) == (word, colour)
    assert found.shape
