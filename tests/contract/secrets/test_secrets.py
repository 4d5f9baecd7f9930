"""Every rule on the native engines: what ordinary files have of secrets and of what only looks like them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.secrets import Secrets
from penstock.adapters.secrets.secrets import scanner
from penstock.core.secrets import Scanner

HEX, MIXED = "9f86d081884c7d65" + "9a2feaa0c55ad015", "qT7xR2" + "mW9kLp4ZvB8n"


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Scanner:
    return scanner(tmp_path_factory.mktemp("kept"))


FOUND = [
    ("assigned-password", 'password = "hunt' + 'er2!"'),
    ("assigned-password", "db_passwd: 'S0mme" + "r!2024'"),
    ("assigned-password", '"adminPassword": "tops' + 'ecret99",'),
    ("assigned-password", "DB_PASSWORD=zaphod" + "beeble"),
    ("assigned-password", "spring.datasource.password=Qw3" + "rty!x"),
    ("assigned-password", 'if password == "team' + '10":'),
    ("assigned-password", 'props.put("db.password", "kr' + 'abat7");'),
    ("assigned-password", "dbPass := `mell" + "on-77`"),
    ("assigned-secret", f'api_key = "{HEX}"'),
    ("assigned-secret", f"CLIENT_SECRET={MIXED}"),
    ("assigned-secret", f'"auth_token": "{MIXED}"'),
    ("uri-credentials", "postgres://app:s3kr" + "et@db.internal:5432/app"),
    ("authorization-header", f"Authorization: Bearer {MIXED}{HEX}"),
    ("password-argument", "tool --password=Fl0" + "wer!pot run"),
    ("markup-password", "<Password>Gr4" + "nite!</Password>"),
    ("connection-string", "Server=db1;Database=shop;User Id=sa;Password=Bl4" + "ck;"),
    ("netrc-password", "machine api.internal login ci password gh7" + "kk2"),
    ("password-hash", "root:$6$saltsalt$" + "aB3./" * 17 + "a:19000:0:99999:7:::"),
    ("access-token-argument", f"curl https://api.internal/v1?access_token={HEX}"),
    ("private-key", f"-----BEGIN EC PRIVATE {'KEY'}-----\\n" + "MHcCAQ" * 12),
    ("private-key", "key_b64: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ" + "pNSUlFb2dJ" * 6),
    ("telegram-token", "4839574813:" + "AAFD39kkdpWt3ywyRZergyOLMaJhac61" + "qc2"),
]


@pytest.mark.parametrize(("rule", "line"), FOUND, ids=[f"{rule} {n}" for n, (rule, _) in enumerate(FOUND)])
def test_what_gives_a_secret_away_is_found(every: Scanner, rule: str, line: str) -> None:
    found = every.find(f"first\n{line}\nlast\n")
    assert [(each.rule, each.first) for each in found] == [(rule, 2)]
    assert every.find(every.redact(line)) == ()


ORDINARY = """
password = os.environ["DB_PASSWORD"]
password = getpass.getpass("Password: ")
def login(user: str, password: str = "") -> None:
password: SecretStr
self.password = password
passwordLabel: "Enter your password",
"password": "{{ vault.password }}",
PASSWORD=${PASSWORD}
PASSWORD=<your-password>
password_field = "user_password"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
assert token == "EOF_TOKEN"
tokenizer = "bert-base-uncased"
api_key = settings.API_KEY
"api_key_name": "X-Api-Key-Name",
primary_key = "3f2504e04f8941d39a0c0305e82c3301"
csrf_token = "3f2504e04f8941d39a0c0305e82c3301"
next_page_token: "CAUQAA",
key: "navigation.menu.items.first"
"passed": "green", "pass": "skipped", "bypass": "always"
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
commit 8d2fabeb6add229bc199faba28fd3efb57df0bd3
"integrity": "sha512-qT7xR2mW9kLp4ZvB8nqT7xR2mW9kLp4ZvB8nqT7xR2mW9kLp4ZvB8nqT7xR2mW9kLp4ZvB8nqT7xR2mW9kLp4ZvB8n=="
https://user:password@example.com/path
https://github.com/org/repo/blob/main/README.md
git clone ssh://git@host.internal:22/repo.git
uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
secretName: my-app-tls
secretKeyRef: {name: app, key: password}
Authorization: Bearer <token>
curl -H "Authorization: Bearer $TOKEN" https://api.internal
--token "$GITHUB_TOKEN" --password-stdin
# A PEM file starts with -----BEGIN PRIVATE KEY-----
AKIAIOSFODNN7EXAMPLE
ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
from secrets import token_hex
token_urlsafe(32)
""".strip().splitlines()


@pytest.mark.parametrize("line", ORDINARY)
def test_what_is_ordinary_stays(every: Scanner, line: str) -> None:
    assert every.find(line) == ()
    assert every.redact(f"{line}\n") == f"{line}\n"


def test_this_project_has_none(every: Scanner) -> None:
    """Its own sources and documents; tests are full of them on purpose."""
    root = Path(__file__).parents[3]
    files = [*root.glob("src/penstock/**/*.py"), *root.glob("docs/**/*.md"), *root.glob("*.md"), *root.glob("recipes/**/*.py"), *root.glob("src/penstock/**/*.jsonl")]  # fmt: skip
    assert len(files) > 100
    assert {str(file): every.find(file.read_text()) for file in files if every.find(file.read_text())} == {}


def test_known_credentials_are_found_whatever_they_look_like() -> None:
    known = ("Zq7-late",)
    mine = Secrets(lambda: known)
    assert [found.rule for found in mine.find("a Zq7-late b")] == ["known"]
    assert mine.redact("a Zq7-late b") == "a [redacted] b"
    known = ("other",)
    assert mine.find("a Zq7-late b") == ()
    assert "Zq7" not in repr(mine)


SECRETS = st.sampled_from([line for _, line in FOUND])
PIECES = st.one_of(
    SECRETS,
    st.sampled_from(ORDINARY),
    st.text(max_size=12),
    st.sampled_from(["\u200b", "\0", "\n", "'", '"', "="]),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, max_size=8))
def test_after_redaction_nothing_is_found(every: Scanner, pieces: list[str]) -> None:
    clean = every.redact(" ".join(pieces))
    assert every.find(clean) == ()
    assert every.redact(clean) == clean


HOSTILE = [
    "password = \"hunter2-x\"\n", "token: 'a1B2c3D4e5F6g7H8i9J0'", "passwordpasswordpassword", "key=", "://a:b@", "-----BEGIN RSA PRIVATE KEY-----",
    "curl -u ", "kind: Secret\ndata:\n", "{\"private_key\": ", "eyJhbGciOi", "\0", "\udc80", "\u200b", "A" * 1000, "a.b.", "<password>", "Server=a;",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_the_time_grows_with_the_text_only(every: Scanner, piece: str) -> None:
    """One line of 400 kB, or 16,000 lines: at most what is linear, though each piece nearly or truly matches."""
    took = []
    for size in (100_000, 400_000):
        began = time.process_time()
        every.find(piece * (size // len(piece)))
        took.append(time.process_time() - began)
    assert took[1] < max(0.4, took[0] * 8)
    assert took[1] < 8


@pytest.mark.slow
def test_neither_the_command_nor_an_installation_loads_the_engines_before_a_text_comes(
    tmp_path: Path,
) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from penstock.bootstrap import Installation\n"
        "from penstock.settings import load\n"
        "home = Installation(load(state=Path(sys.argv[1])))\n"
        "assert home.mirrors and home.secrets\n"
        "print(sorted({'penstock.adapters.secrets.engines', 'ahocorasick'} & set(sys.modules)))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert answer.stdout == "[]\n"
