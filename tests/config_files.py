"""The `seatrial.toml` of a test."""

from __future__ import annotations

from pathlib import Path


def file(tmp_path: Path, text: str) -> str:
    """Write it; returns its path as `--config` takes it."""
    path = tmp_path / "seatrial.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)
