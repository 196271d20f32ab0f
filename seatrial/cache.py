"""Where Seatrial keeps what is worth keeping between runs: installed releases, generators' tables."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder(name: str) -> Path:
    """A folder under `$XDG_CACHE_HOME`, by default `~/.cache` (macOS: `~/Library/Caches`); it may not be there yet."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    default = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return (Path(chosen) if Path(chosen).is_absolute() else default) / "seatrial" / name
