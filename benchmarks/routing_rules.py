"""Writes routing-rules.yml: a thousand rules like those people write, of which half can match a pull request.

`python -m benchmarks.routing_rules` writes the file anew; the same seed gives the same file.
"""

import random
from collections.abc import Callable
from pathlib import Path

FILE = Path(__file__).with_name("routing-rules.yml")
RULES, SEED = 1000, 20_000_617
TEAMS = ("api", "auth", "billing", "build", "cli", "core", "data", "docs", "infra", "mobile", "search", "web")
AREAS = ("cache", "config", "db", "errors", "forms", "http", "i18n", "jobs", "logs", "mail", "queue", "users")
SUFFIXES = (".go", ".js", ".json", ".md", ".py", ".rs", ".sql", ".tf", ".toml", ".ts", ".yaml", ".yml")
PEOPLE = ("ada", "bea", "cyd", "dee", "eli", "fay", "gus", "hal", "ivy", "jo", "kim", "lee")
OTHERS = (
    'event == "issues" && action == "{action}"',
    'event == "workflow_run" && status == "failure" && job == "{area}-tests"',
    'event == "workflow_run" && conclusion in ["failure", "timed_out"] && workflow ~ "{team}*"',
    'event == "push" && branch == "release/{team}-{n}"',
    'event == "check_run" && status == "failure" && job ~ "*{area}-{n}"',
    'event == "dependabot_alert" && severity >= "high" && path ~ "{team}/{area}/*"',
    'event == "code_scanning_alert" && severity == "critical" && path ~ "*{suffix}" && repo ~ "acme/{team}*"',
    'event == "issue_comment" && body ~ "*/{team} {area}*"',
)


def main() -> None:
    FILE.write_text(text())


def text() -> str:
    """The whole file."""
    chance = random.Random(SEED)
    seen: dict[str, None] = {}
    while len(seen) < RULES // 2:
        seen.setdefault(_about_pulls(chance))
    while len(seen) < RULES:
        seen.setdefault(_about_others(chance))
    conditions = list(seen)
    chance.shuffle(conditions)
    rules = [f"  - if: '{one}'\n    run: [{chance.choice(TEAMS)}]\n" for one in conditions]
    agents = [f"  {team}: {{ref: ./agents/{team}.md, permissions: [comment]}}\n" for team in TEAMS]
    return f"# Written by benchmarks/routing_rules.py.\nversion: 1\nrouting:\n{''.join(rules)}agents:\n{''.join(agents)}"


def _about_pulls(chance: random.Random) -> str:
    """Two to four clauses, the event first, as people write them."""
    clauses = chance.sample(CLAUSES, chance.randint(1, 3))
    return " && ".join(('event == "pull_request"', *(clause(chance) for clause in clauses)))


def _about_others(chance: random.Random) -> str:
    form = chance.choice(OTHERS)
    return form.format(
        action=chance.choice(("opened", "labeled", "closed", "edited")) + f'" && label ~ "{_label(chance)}',
        team=chance.choice(TEAMS),
        area=chance.choice(AREAS),
        suffix=chance.choice(SUFFIXES),
        n=chance.randint(1, 40),
    )


def _author(chance: random.Random) -> str:
    who = chance.choice(PEOPLE)
    return chance.choice((f'author == "{who}"', f'author in ["{who}", "{chance.choice(TEAMS)}-bot"]'))


def _label(chance: random.Random) -> str:
    area = chance.choice(AREAS)
    return chance.choice((f"area/{area}", f"{chance.choice(TEAMS)}:*", f"*-{area}", "needs-*"))


CLAUSES: tuple[Callable[[random.Random], str], ...] = (
    lambda chance: f'label {chance.choice(("~", "~", "!~"))} "{_label(chance)}"',
    lambda chance: f'path ~ "{chance.choice(TEAMS)}/{chance.choice(AREAS)}/*"',
    lambda chance: f'path ~ "*{chance.choice(SUFFIXES)}"',
    lambda chance: f'path ~ "{chance.choice(TEAMS)}/*{chance.choice(SUFFIXES)}"',
    _author,
    lambda chance: f'base ~ "release/{chance.randint(1, 9)}.*"',
    lambda chance: f'branch ~ "{chance.choice(TEAMS)}/*"',
    lambda chance: f'title ~ "*{chance.choice(AREAS)}*"',
    lambda chance: f"additions > {chance.randrange(10, 2000, 10)}",
    lambda chance: f"files_changed <= {chance.randrange(1, 60)}",
    lambda chance: f'(draft || action == "{chance.choice(("opened", "synchronize", "labeled"))}")',
    lambda chance: f'author_association in ["OWNER", "{chance.choice(("MEMBER", "COLLABORATOR"))}"]',
    lambda chance: f'repo ~ "acme/{chance.choice(TEAMS)}*"',
)

if __name__ == "__main__":
    main()
