"""Deployments that let people in without asking for their password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def not_asked_for(features: Mapping[str, Any]) -> str:
    """Why no password decides who gets in, "" where one does. `features` are those of the public settings."""
    if features.get("auth_trusted_header") is True:
        return "a header of what stands in front signs people in, and no password (features.auth_trusted_header)"
    return (
        "accounts are switched off, so any password signs in (features.auth)" if features.get("auth") is False else ""
    )
