from newsdesk import html_digest, text_digest

POSTS = {"Tea & Time": "Steep for three minutes, then wait a little longer than you think."}


def test_text_digest() -> None:
    assert text_digest(POSTS, limit=24) == "* Tea & Time: Steep for three… (12 words)"


def test_html_digest_has_an_anchor() -> None:
    assert html_digest(POSTS).startswith('<section id="tea-time"><h2>Tea &amp; Time</h2>')
