"""What a load counted, over the samples of all its processes."""

from __future__ import annotations

from seatrial.evidence import SAMPLES
from seatrial.records import RunFolder
from seatrial.samples import HARMS, Aboard, Integrity, Resent, Sample, Turned


def tally(folder: RunFolder) -> dict[str, int]:
    """Requests by outcome, and what all sessions together said, found and missed.

    `aboard` is how many users of a closed loop came to work; it is missing where none did, and of an open loop.
    """
    counts = dict.fromkeys(
        ("requests", "failures", "sessions", "refused_sessions", "turns", "refused_turns", "acknowledged", "stored"), 0
    ) | dict.fromkeys((*HARMS, "kept", "echoed", "unverified", "undeleted", "read", "resent"), 0)
    for sample in folder.rows(SAMPLES, Sample):
        counts["requests"] += 1
        counts["failures"] += not sample.ok
        counts["read"] += sample.ok and sample.journey == "reader"
    _count_turns_and_users(folder, counts)
    for record in folder.rows(SAMPLES, Integrity):
        counts["sessions"] += 1
        not_created = record.refused > record.turns
        counts["refused_sessions"] += not_created
        counts["turns"] += record.turns
        counts["refused_turns"] += 0 if not_created else record.refused
        for name in ("acknowledged", "stored", "kept", "echoed", *HARMS):
            counts[name] += getattr(record, name)
        # Nothing was acknowledged in a session that was never made, or that was cut before its first turn.
        counts["unverified"] += not record.verified and record.acknowledged > 0
        counts["undeleted"] += not record.deleted
    return counts


def _count_turns_and_users(folder: RunFolder, counts: dict[str, int]) -> None:
    users: set[int] = set()
    for row in folder.rows(SAMPLES, Turned, Resent, Aboard):
        if isinstance(row, Aboard):
            users.add(row.user)
        elif isinstance(row, Resent):
            counts["resent"] += 1
        elif isinstance(row, Turned) and not row.ok:
            counts[f"turns_{row.ended}"] = counts.get(f"turns_{row.ended}", 0) + 1
    if users:
        counts["aboard"] = len(users)
