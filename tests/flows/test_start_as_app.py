"""`penstock start` as a GitHub App."""

import os
import subprocess
import sys

import pytest
from tests.flows.house import ORG, House
from tests.flows.test_start import Desk, desk, issue

from penstock.adapters import embedded as embedding
from penstock.adapters.github.needs import EVERY, permissions_of

__all__ = ["desk"]  # the fixture


@pytest.mark.slow
def test_an_app_reads_and_writes_with_tokens_of_its_own(desk: Desk, house: House):
    """Its key is all that is given: nothing of `single_credential`, and the note at the issue is its bot's."""
    house.repository(desk.name)
    number, key = issue(house, desk.name, "Add a line"), desk.folder / "key.pem"
    forge, slug = house.embedded.forge_state, f"works-{os.getpid()}"
    permissions = [f"--permission={name}={level}" for name, level in permissions_of(*EVERY).items()]
    (app,) = embedding._admin(forge, ("app", slug, "--owner", ORG, "--key", str(key), *permissions))
    for name in ("INFINITY_APP_TOKEN", "PENSTOCK_READ_TOKEN"):
        desk.monkeypatch.delenv(name)
    desk.monkeypatch.setenv("PENSTOCK_APP_ID", app)
    code, told = desk.run("start", "--once")
    assert (code, "an App takes both PENSTOCK_APP_ID and PENSTOCK_APP_KEY_FILE" in told) == (2, True)
    desk.monkeypatch.setenv("PENSTOCK_APP_KEY_FILE", str(key))
    code, told = desk.run("start", "--once")
    assert (code, f"the App {slug} is not installed on {ORG}" in told) == (3, True), told
    embedding._admin(forge, ("install", slug, ORG))
    code, told = desk.run("start", "--once")
    assert code == 4, told
    assert "Waiting for you" in told
    assert "single_credential" not in told
    ((change,),) = desk.database("SELECT change_id FROM change_head")
    command = [sys.executable, "-m", "penstock", "approvals", "approve", str(change)]
    another_person = {**os.environ, "PENSTOCK_OPERATOR_TOKEN": house.embedded.writer_token}
    subprocess.run(command, cwd=desk.folder, env=another_person, check=True)
    desk.run("start", "--once")
    (pull,) = house.ask("GET", f"/repos/{ORG}/{desk.name}/pulls?state=all").json()
    assert pull["user"]["login"] == f"{slug}[bot]"
    assert f"#{number}" in pull["body"]
