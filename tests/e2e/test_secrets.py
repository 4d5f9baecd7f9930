"""`penstock secrets scan`: what is found in a tree is named by its place, and never shown."""

from tests.e2e.calling import Caller

from penstock.cli.exits import Exit

TOKEN = "ghp_" + "aB3dE6gH9j" * 3 + "kLmN1p"


def test_a_tree_is_looked_through_and_the_secret_is_not_shown(elsewhere: Caller) -> None:
    tree = elsewhere.folder_of("tree", a__py=f"x = 1\ntoken = '{TOKEN}'\n", b__py="y = 2\n")
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text(f"token = {TOKEN}\n")
    (tree / "link").symlink_to(tree / "a.py")
    (tree / "latin").write_bytes(b"caf\xe9 \0\n")
    said = elsewhere("secrets", "scan", str(tree), expect=Exit.NO)
    assert f"{tree}/a.py:2" in said.out
    assert said.out.count("\n") == 1, said.out
    assert TOKEN not in said.out + said.err
    document = elsewhere.ask("secrets", "scan", str(tree), expect=Exit.NO)
    assert [(one["first"], one["last"]) for one in document["found"]] == [(2, 2)]
    assert elsewhere("secrets", "scan", str(tree / "b.py")).out == "Nothing looks like a secret.\n"
    assert "there is nothing" in elsewhere("secrets", "scan", "nowhere", expect=Exit.WRONG_USE).err
    assert not (elsewhere.folder / ".penstock").exists()


def test_what_cannot_be_read_is_never_clean(elsewhere: Caller, monkeypatch) -> None:
    tree = elsewhere.folder_of("tree", a__py="x = 1\n")
    monkeypatch.setattr("penstock.cli.scanning.LONGEST", 3)
    assert "a.py: not read: longer than" in elsewhere("secrets", "scan", str(tree), expect=Exit.WAITS).err
    assert elsewhere.ask("secrets", "scan", str(tree), expect=Exit.WAITS)["found"] == []
    (tree / "link").symlink_to(tree / "a.py")
    named = elsewhere("secrets", "scan", str(tree / "link"), expect=Exit.WAITS)
    assert "link: not read: a link" in named.err
    assert "Nothing looks" not in named.out
