"""The line for a shell that sees a finding again: offered whole, or not at all.

A line that is cut inside of its quotes leaves a shell waiting, and one with characters that cannot be shown would send
others than it was made of.
"""

from __future__ import annotations

from reports.wording import clean
from seatrial.records import Finding
from seatrial.target import SHORT_LIVED, STRANGER

LONGEST = 3_000
"""Characters of a line; who has a longer one to send takes `seatrial replay`."""


def curl_line(finding: Finding) -> tuple[str, str]:
    """The line, and why there is none: "" where there is one, or where the finding is about no request."""
    shown = clean(finding.curl[: LONGEST + 1])
    if not shown:
        return "", _why(finding)
    if len(shown) > LONGEST:
        return "", "the body is too long for a line"
    return (shown, "") if shown == finding.curl else ("", "it would hold characters that no line can show")


def _why(finding: Finding) -> str:
    """From the call that shows it: what of its body no line could hold."""
    calls = [step.get("call") for step in finding.steps if isinstance(step, dict) and step.get("shows")]
    body = next((call for call in calls if isinstance(call, dict)), {})
    if finding.account in (STRANGER, SHORT_LIVED):
        return "it was sent with a credential that no account has, and replaying makes another"
    if body.get("left_out"):
        return "the body is too long for a line"
    return "the body holds bytes that no line can show" if "body" in body or "body64" in body else ""
