"""`config/orchestrator.yml`: every documented key, strictly. What it means for judging a change is `policy_of`."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from penstock.core.policy.rules import CiPolicy, MergeMethod, Mode, Policy, Separation, Verify


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"not a cron expression of five fields: {error}") from error
    return text


Cron = Annotated[str, AfterValidator(_cron)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Forge(_Section):
    """Where the forge's REST API answers; GitHub Enterprise Server's ends in `/api/v3`."""

    api_url: str = "https://api.github.com"
    poll_seconds: Positive = 60


class Discovery(_Section):
    scan_interval: Cron = "0 */6 * * *"
    organization: str = ""
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
    auto_merge: bool = True
    merge_strategy: MergeMethod = MergeMethod.SQUASH


class Safety(_Section):
    human_approval_required: tuple[str, ...] = ("merge_to_main", "breaking_changes", "security_related")
    max_api_cost_per_day: Annotated[float, Field(ge=0)] = 50.0
    rollback_on_test_failure: bool = True
    protected_paths: tuple[str, ...] = (".env*", ".github/**", "**/CODEOWNERS")
    separation_of_duties: Separation = Separation.AUTO
    approval_expires_days: Positive = 14
    max_files: Positive = 500
    max_changed_lines: Positive = 20_000


class Ci(_Section):
    """`required` adds to what the forge demands; `none: true` says that repositories have no CI at all."""

    required: tuple[str, ...] = ()
    none: bool = False
    verify: Verify = Verify.JOINT
    start_timeout_minutes: Positive = 10
    timeout_minutes: Positive = 60


class Rule(_Section):
    """A routing rule; `if` holds the condition's text."""

    condition: str = Field(alias="if")
    run: tuple[str, ...]
    priority: Literal["low", "normal", "high"] = "normal"
    order: int = 0
    stop: bool = False


class Agent(_Section):
    kind: Literal["router", "triage", "guard", "specialist"] | None = None
    ref: str
    secrets: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


class Policies(_Section):
    node_version: str | None = None
    python_version: str | None = None
    forbid: tuple[str, ...] = ()
    require: tuple[str, ...] = ()


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
    routing: tuple[Rule, ...] = ()
    agents: dict[str, Agent] = {}
    policies: Policies = Policies()
    models: Models = Models()
    notifications: tuple[str, ...] = ()


def policy_of(config: Config) -> Policy:
    """What of the configuration judges changes."""
    safety, issues, pulls, ci = config.safety, config.issue_processing, config.pr_management, config.ci
    return Policy(
        mode=config.mode,
        auto_claim_labels=issues.auto_claim_labels,
        ignore_labels=issues.ignore_labels,
        max_complexity=issues.max_complexity,
        auto_fix_attempts=pulls.auto_fix_attempts,
        required_reviews=pulls.require_reviews,
        merge_method=pulls.merge_strategy,
        human_approval_required=safety.human_approval_required,
        protected_paths=safety.protected_paths,
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
    )


def unused_keys(config: Config) -> tuple[str, ...]:
    """Sections that are read and checked, and that nothing acts on yet: a person must not rely on them."""
    quiet = {
        "routing": bool(config.routing),
        "agents": bool(config.agents),
        "policies": config.policies != Policies(),
        "models": config.models != Models(),
        "notifications": bool(config.notifications),
        "build": config.build != Build(),
        "monitoring": config.monitoring != Monitoring(),
        "self_healing": config.self_healing != SelfHealing(),
    }
    return tuple(name for name, given in quiet.items() if given)
