"""What only the recordings ask for: Markdown, owners' settings, every ref."""

from tests.forge.world import World


def test_markdown_is_rendered_and_obeys_no_markup(world: World) -> None:
    words = "### Hello\n\n<script>x</script> *you*"
    for answer in (
        world.as_("otto").post("/markdown", json={"text": words, "mode": "gfm"}),
        world.as_("otto").post("/markdown/raw", content=words.encode()),
    ):
        assert answer.headers["content-type"].startswith("text/html")
        assert "<h3>Hello</h3>" in answer.text
        assert "<em>you</em>" in answer.text
        assert "<script" not in answer.text
    assert world.as_("otto").post("/markdown", json={}).status_code == 422
    assert world.as_("otto").post("/markdown/raw", content=b"\xff").status_code == 422
    assert world.as_("otto").put("/notifications").status_code == 205
    assert world.client().put("/notifications").status_code == 401


def test_an_organizations_settings_are_its_owners(world: World) -> None:
    private = {"plan", "billing_email", "total_private_repos"}
    assert private <= world.as_("olga").get("/orgs/acme").json().keys()
    assert world.as_("olga").get("/orgs/acme").json()["total_private_repos"] == 1
    for login in ("mia", "otto"):
        assert not private & world.as_(login).get("/orgs/acme").json().keys()


def test_all_refs_are_listed(world: World) -> None:
    found = world.as_("otto").get("/repos/acme/widget/git/refs").json()
    assert {one["ref"] for one in found} == {"refs/heads/main", "refs/heads/feature/side", "refs/tags/v1"}
    assert world.as_("olga").get("/repos/acme/secret/git/refs").status_code == 409
