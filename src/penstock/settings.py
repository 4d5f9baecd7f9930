"""Settings: `config/orchestrator.yml`, the environment and `.env`, read once and frozen.

Every documented key is here, strictly; what it means for judging a change is `policy_of`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal

from cronsim import CronSim, CronSimError
from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from penstock.core.document import MAX_BYTES, Rejected, parse_placed
from penstock.core.policy.documents import Policies
from penstock.core.policy.layers import Layered
from penstock.core.policy.rules import CiPolicy, ContentPolicy, MergeMethod, Mode, Policy, Verify
from penstock.core.routing.documents import AgentName, AgentText, IncludePath, RuleText
from penstock.core.routing.loading import Part, Refused, Ruleset
from penstock.ports import Permanent
from penstock.rulebook import Book, book
from penstock.sections import MOST, Autonomy, BreakGlass, Positive, Safety


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"not a cron expression of five fields: {error}") from error
    return text


Cron = Annotated[str, AfterValidator(_cron)]
Count = Annotated[int, Field(ge=0, le=MOST)]
LOGIN = r"^([A-Za-z0-9][A-Za-z0-9_-]{0,38})?$"
"""An account's name at GitHub; managed users have an underscore in theirs."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Forge(_Section):
    """Where the forge's REST API answers; GitHub Enterprise Server's ends in `/api/v3`."""

    api_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")] = "https://api.github.com"
    poll_seconds: Positive = 60


class Discovery(_Section):
    scan_interval: Cron = "0 */6 * * *"
    organization: Annotated[str, Field(pattern=LOGIN)] = ""
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class Build(_Section):
    max_parallel: Positive | None = None
    timeout_minutes: Positive = 60
    retry_attempts: Count = 3


class Monitoring(_Section):
    health_check_interval: Cron = "*/15 * * * *"
    failure_threshold: Positive = 3


class SelfHealing(_Section):
    auto_retry: bool = True
    auto_update_dependencies: bool = True
    create_issues: bool = True


class IssueProcessing(_Section):
    auto_claim_labels: tuple[str, ...] = ("bot-approved", "bot-task")
    ignore_labels: tuple[str, ...] = ("wontfix",)
    max_complexity: Annotated[int, Field(ge=0, le=10)] = 7
    max_concurrent: Positive = 2


class PrManagement(_Section):
    auto_fix_attempts: Count = 2
    require_reviews: Positive = 1
    require_code_owners: bool = False
    count_reviews: bool = False
    auto_merge: bool = True
    merge_strategy: MergeMethod = MergeMethod.SQUASH


class Ci(_Section):
    """`required` adds to what the forge demands; `none: true` says that repositories have no CI at all."""

    required: tuple[str, ...] = ()
    none: bool = False
    verify: Verify = Verify.JOINT
    start_timeout_minutes: Positive = 10
    timeout_minutes: Positive = 60


class Models(_Section):
    triage: str | None = None
    architect: str | None = None
    planner: str | None = None
    proposer: str | None = None
    reviewers: tuple[str, ...] = ()


class Config(_Section):
    """The whole file. Only `version` must be there."""

    version: Literal[1]
    mode: Mode = Mode.SUPERVISED
    forge: Forge = Forge()
    discovery: Discovery = Discovery()
    build: Build = Build()
    monitoring: Monitoring = Monitoring()
    self_healing: SelfHealing = SelfHealing()
    issue_processing: IssueProcessing = IssueProcessing()
    pr_management: PrManagement = PrManagement()
    safety: Safety = Safety()
    ci: Ci = Ci()
    include: tuple[IncludePath, ...] = ()
    routing: tuple[RuleText, ...] = ()
    agents: dict[AgentName, AgentText] = {}
    policies: Policies = Policies()
    autonomy: Autonomy = Autonomy()
    toggles: BreakGlass = BreakGlass()
    models: Models = Models()
    notifications: tuple[str, ...] = ()


def policy_of(config: Config) -> Policy:
    """What of the configuration judges changes."""
    safety, issues, pulls, ci = config.safety, config.issue_processing, config.pr_management, config.ci
    policies = config.policies
    return Policy(
        mode=config.mode,
        auto_claim_labels=issues.auto_claim_labels,
        ignore_labels=issues.ignore_labels,
        max_complexity=issues.max_complexity,
        auto_fix_attempts=pulls.auto_fix_attempts,
        required_reviews=pulls.require_reviews,
        code_owners=pulls.require_code_owners,
        count_reviews=pulls.count_reviews,
        merge_method=pulls.merge_strategy,
        protected_paths=safety.protected_paths,
        frozen_paths=safety.frozen_paths,
        max_files=safety.max_files,
        max_changed_lines=safety.max_changed_lines,
        separation=safety.separation_of_duties,
        approval_days=safety.approval_expires_days,
        ci=CiPolicy(
            expected=not ci.none,
            required=ci.required,
            verify=ci.verify,
            start_timeout_seconds=ci.start_timeout_minutes * 60,
            timeout_seconds=ci.timeout_minutes * 60,
        ),
        human_approval=safety.human_approval_required,
        repository_classes=tuple(config.autonomy.classes.items()),
        rollback_on_failure=config.safety.rollback_on_test_failure,
        require=policies.harder,
        forbid=policies.forbid,
        tools=policies.tools,
        waivers=tuple(given.waiver for given in policies.waivers),
        registries=tuple(sorted(policies.registries.items())),
        contents=policies.contents.over(ContentPolicy()),
    )


UNUSED = (
    "discovery.scan_interval",
    "build",
    "monitoring",
    "self_healing",
    "pr_management.auto_merge",
    "safety.max_api_cost_per_day",
    "models",
    "notifications",
)
"""Keys that are read and checked, and that nothing acts on yet."""


def unused_keys(config: Config) -> tuple[str, ...]:
    """Those of them that are not as by default: a person must not rely on them."""
    default = Config(version=1)
    return tuple(key for key in UNUSED if attrgetter(key)(config) != attrgetter(key)(default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A credential and the name of the place a person finds it in. Never shown."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppIdentity:
    """An App by its id (or client id), and its private key."""

    id: str
    key: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that was read from outside, once."""

    state: Path
    config: Config
    writer: Token | None
    reader: Token | None
    operator: Token | None
    """Whose orders the command line gives; without one of their own, the writer's identity is shared."""
    webhook_secret: Token | None
    app: AppIdentity | None = None
    """Where there is one, it writes and reads, with tokens of its own: `writer` and `reader` are None then."""
    rules: Ruleset = field(default_factory=Ruleset)
    """The routing rules and agents of the configuration and of what it includes."""
    layers: Layered | None = None
    """The policy of the configuration and of its layers; None where there is no file."""
    config_path: Path | None = None
    """The configuration's file, where there is one."""

    @property
    def secrets(self) -> frozenset[str]:
        """Every credential that was given."""
        key = self.app.key if self.app else None
        given = (self.writer, self.reader, self.operator, self.webhook_secret, key)
        return frozenset(token.value for token in given if token)

    @property
    def layered(self) -> Layered:
        """The organization's policy, in the mode that this process was told."""
        known = self.layers or Layered(policy=policy_of(self.config))
        return replace(known, policy=replace(known.policy, mode=self.config.mode))


CONFIG = TypeAdapter(Config)
CONFIG_PATH = Path("config/orchestrator.yml")
STATE_PATH = Path(".penstock")


class Misconfigured(Permanent):
    """What is wrong with settings, one sentence for each: file, line, key, and the nearest known key."""

    def __init__(self, *, problems: tuple[str, ...]) -> None:
        super().__init__("misconfigured", "\n".join(problems))
        self.problems = problems


def read_config(path: Path) -> tuple[Config, Book]:
    """The file's configuration, and the rules and the policy of it and of what it names. Raises Misconfigured."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Misconfigured(problems=(f"{path}: cannot be read: {error.strerror}",)) from error
    parsed = parse_placed(raw, CONFIG)
    if isinstance(parsed, Rejected):
        raise Misconfigured(problems=tuple(problem.shown(str(path)) for problem in parsed.problems))
    config, document = parsed
    own = Part(source=str(path), document=document, rules=config.routing, agents=config.agents)
    found = book(path, own, config.include, config.policies, policy_of(config))
    if isinstance(found, Refused):
        raise Misconfigured(problems=found.problems)
    return config, found


def load(*, state: Path | None = None, config_path: Path | None = None, mode: Mode | None = None) -> Settings:
    """Read file, `.env` and environment. A named file must exist. Raises Misconfigured."""
    path = config_path or (CONFIG_PATH if CONFIG_PATH.exists() else None)
    config, found = read_config(path) if path else (Config(version=1), None)
    if mode:
        config = config.model_copy(update={"mode": mode})
    settings = replace(_settings(state, config), config_path=path)
    return replace(settings, rules=found.rules, layers=found.layered) if found else settings


def load_to_look(state: Path | None) -> Settings:
    """Settings without the configuration's file, which may be wrong: enough to look at what a state holds."""
    return _settings(state, Config(version=1))


def _settings(state: Path | None, config: Config) -> Settings:
    environment = {**dotenv(), **{name: value for name, value in os.environ.items() if value.strip()}}
    app = _app(environment)
    token = _token(environment, "INFINITY_APP_TOKEN") or _token(environment, "GITHUB_TOKEN")
    writer = None if app else token
    return Settings(
        state=(state or Path(environment.get("PENSTOCK_STATE", STATE_PATH))).absolute(),
        config=config,
        writer=writer,
        reader=None if app else _token(environment, "PENSTOCK_READ_TOKEN") or writer,
        operator=_token(environment, "PENSTOCK_OPERATOR_TOKEN") or token,
        webhook_secret=_token(environment, "PENSTOCK_WEBHOOK_SECRET"),
        app=app,
    )


def reread(path: Path) -> Book | Refused:
    """The rules and the policy as a configuration's files have them now."""
    try:
        return read_config(path)[1]
    except Misconfigured as error:
        return Refused(problems=error.problems)


def needed(token: Token | None, names: str) -> Token:
    """A credential that there must be. Raises Permanent `no_token`."""
    if token is None:
        where = f"set {names} (in the environment or .env)"
        raise Permanent("no_token", f"no token: {where}, or try `penstock demo`, which needs none")
    return token


def cache_folder() -> Path | None:
    """Where what can be made again is kept between runs, as the XDG Base Directory Specification says."""
    named, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path(home, ".cache")
    return base / "penstock" if base.is_absolute() else None


def network() -> dict[str, str]:
    """The environment's proxies and certificates, under the names that git reads; httpx finds its own."""
    proxies = {name: _either(name) for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")}
    certificates = {
        "GIT_SSL_CAINFO": os.environ.get("SSL_CERT_FILE", ""),
        "GIT_SSL_CAPATH": os.environ.get("SSL_CERT_DIR", ""),
    }
    return {name: value for name, value in (proxies | certificates).items() if value}


def _either(name: str) -> str:
    """As httpx reads them: in lower case first."""
    return os.environ.get(name) or os.environ.get(name.upper(), "")


def surroundings() -> Mapping[str, str]:
    """As it is now: the break-glass toggles are read from it whenever they are asked for."""
    return os.environ


def dotenv() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(".env").items() if value is not None}


def _token(environment: Mapping[str, str], name: str) -> Token | None:
    value = environment.get(name, "").strip()
    return Token(value=value, source=name) if value else None


def _app(environment: Mapping[str, str]) -> AppIdentity | None:
    """The App to work as; its key stands in a file, or in the environment itself. Raises Misconfigured for half of it."""
    name, given = (environment.get(it, "").strip() for it in ("PENSTOCK_APP_ID", "PENSTOCK_APP_KEY_FILE"))
    key = _token(environment, "PENSTOCK_APP_KEY")
    if given:
        try:
            key = Token(value=Path(given).read_text(encoding="utf-8"), source=given)
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(
                problems=(f"PENSTOCK_APP_KEY_FILE: {given} cannot be read: {error}",)
            ) from error
    if bool(name) != (key is not None):
        raise Misconfigured(
            problems=("an App takes both PENSTOCK_APP_ID and PENSTOCK_APP_KEY_FILE (or PENSTOCK_APP_KEY)",)
        )
    if key is None:
        return None
    # A key in one line, as environments like it, has its line breaks written as \\n.
    return AppIdentity(id=name, key=replace(key, value=key.value.replace("\\n", "\n")))
