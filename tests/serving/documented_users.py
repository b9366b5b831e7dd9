"""The users of docs/deployment.md, as it sets them up."""

import re
import shlex

from redis_servers import INSTALLED

from recommender.project_paths import PROJECT_ROOT

PASSWORD = "PASSWORD"
"""Of both users, as the documentation has it."""


def documented_rules(user: str) -> list[str]:
    """What a user gets, its password included."""
    text = (PROJECT_ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^\$ redis-cli (ACL SETUSER {user} (?:.*\\\n)*.*)$", text, re.MULTILINE)
    return shlex.split(found.replace("\\\n", " "))[3:]


def documented_commands(user: str) -> set[str]:
    """The commands that it may run."""
    return {each[1:] for each in documented_rules(user) if each.startswith("+")}


def rules_in_a_cluster(user: str) -> list[str]:
    """What a user gets in a cluster; of the embedded Redis in the form of releases before 7."""
    rules = [each if INSTALLED else each.replace("%R~", "~") for each in documented_rules(user)]
    return [*rules, "+cluster|slots", "+command"]
