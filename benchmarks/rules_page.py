"""Writes docs/rules.md: every rule, and on each API the faults that prove it.

python benchmarks/rules_page.py > docs/rules.md
"""

from __future__ import annotations

from collections.abc import Iterator

from contract_tests.rules import GROUPS, Rule
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.faults import CATALOGUE

APIS = {SESSIONS: "Session API", OPENWEBUI: "Open WebUI"}
SHOWN = 3
"""Faults that a line names; the catalogue may have more."""


def page() -> str:
    """docs/rules.md, whole. A test keeps the file equal to it."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from (
        "# Rules",
        "",
        "What `seatrial verify` holds a deployment to. A finding names its rule by this id; so do waivers.",
        "This page is written by `python benchmarks/rules_page.py > docs/rules.md`.",
        "",
        "- A **break** (valid use fails, loses, leaks, lets somebody in; or bad input harms what was stored) and a",
        "  **defect** (bad input is handled badly, and nothing is harmed) fail the run.",
        "- **Drift** is reported and fails with `--strict` only.",
        "- Each rule is proved by faults that break exactly what it looks at, in front of any deployment:",
        "  `seatrial lab proxy --upstream URL --fault NAME`; `seatrial lab proxy --list` says what each does.",
    )
    for group, rules in GROUPS.items():
        yield from ("", f"## {group}", "", "| rule | what it says | what a user would notice | severity | proved by |")
        yield "|---|---|---|---|---|"
        for rule in rules:
            yield f"| `{rule.id}` | {rule.title} | {rule.notice} | {rule.severity} | {_proofs(rule)} |"


def _proofs(rule: Rule) -> str:
    by_api = {api: [fault.name for fault in CATALOGUE.values() if rule.id in fault.rules and api in fault.apis]
              for api in rule.apis}  # fmt: skip
    named = {api: ", ".join(f"`{name}`" for name in names[:SHOWN]) for api, names in by_api.items()}
    if len(set(named.values())) == 1 and len(named) == len(APIS):
        return next(iter(named.values()))
    return "; ".join(f"{APIS[api]}: {names or 'nothing to break there'}" for api, names in named.items())


if __name__ == "__main__":
    print(page(), end="")
