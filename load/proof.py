"""What a load proved of the replies that people got: that depends on the model behind the deployment.

One that repeats its prompt, as the scripted provider does, shows whom each reply was meant for. Of a real model's
replies it is known that the one that was delivered is the one that is stored.
"""

from __future__ import annotations

from collections.abc import Mapping


def replies(counts: Mapping[str, int]) -> list[str]:
    """A note for the report; none where nobody got a reply. `counts` are those of a run."""
    answered = counts["turns"] - counts["refused_turns"]
    if not answered:
        return []
    if counts["echoed"] == answered:
        told = "compared were what was sent, delivered and stored, and whom each reply was meant for"
        return [f"replies: a scripted model, each reply repeated the mark of its prompt; {told}"]
    which = f"only {counts['echoed']:,} of {answered:,}" if counts["echoed"] else "a real model, none"
    told = "compared were what was sent and acknowledged, delivered and stored, but not whom a reply was meant for"
    return [f"replies: {which} repeated the mark of its prompt; {told}"]


def resent(counts: Mapping[str, int]) -> list[str]:
    """A note for the report; none where every request was sent once."""
    if not counts["resent"]:
        return []
    told = f"{counts['resent']:,} of {counts['requests']:,} requests were sent again, as browsers do"
    return [f"{told}: their kept connection ended without an answer; their times count both tries"]
