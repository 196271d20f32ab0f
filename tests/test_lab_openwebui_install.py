"""Installing an Open WebUI: everything but the three gigabytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab import openwebui_install as releases

VERSION = "1.2.3"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "seatrial" / "openwebui"


@pytest.mark.parametrize("version", ["nonsense", "", "0.12", "0.12.4", "../0.12.4", "-r", "0.12.4 --pre", "latest"])
def test_only_a_version_names_an_environment(cache: Path, version: str) -> None:
    if version in ("0.12", "0.12.4"):
        assert releases.environment_folder(version) == cache / version
        return
    with pytest.raises(WrongUse, match="is not a version of Open WebUI"):
        releases.environment_folder(version)


def test_half_an_installation_is_none(cache: Path) -> None:
    (cache / VERSION / "bin").mkdir(parents=True)
    assert not releases.is_installed(VERSION)
    (cache / VERSION / ".complete").touch()
    assert releases.is_installed(VERSION)
    assert releases.install(VERSION) == cache / VERSION


def test_a_failed_installation_is_removed_and_told_in_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (cache / VERSION / "left-over").mkdir(parents=True)
    said: list[str] = []
    with pytest.raises(Inconclusive, match="is the package index reachable") as error:
        releases.install(VERSION, progress=said.append)
    assert str(cache / f"{VERSION}.pip.log") in str(error.value)
    assert "\n" not in str(error.value)
    assert not (cache / VERSION).exists()
    assert said == ["making the environment", f"fetching Open WebUI {VERSION}", "removing the unfinished installation"]


def test_an_unknown_version_is_told_from_an_index_out_of_reach_and_from_other_errors(tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    sentence = "ERROR: Could not find a version that satisfies the requirement open-webui==9.9.9 (from versions: {})\n"
    log.write_text(sentence.format("0.12.3, 0.12.4"), encoding="utf-8")
    unknown = releases.failure("9.9.9", "fetching", log)
    assert isinstance(unknown, WrongUse)
    assert str(unknown) == "there is no Open WebUI 9.9.9 on the package index; the newest there is 0.12.4"
    log.write_text(sentence.format("none"), encoding="utf-8")
    assert "reachable" in str(releases.failure("9.9.9", "fetching", log))
    log.write_text("Collecting x\nERROR: first\nERROR: No space left on device\nnotice: pip\n", encoding="utf-8")
    full = releases.failure("0.12.4", "installing PyTorch", log)
    assert isinstance(full, Inconclusive)
    assert "installing PyTorch failed, pip's last error: No space left on device (log: " in str(full)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Collecting torch==2.13.0\n", "collecting torch==2.13.0"),
        ("  Downloading https://host/a/x-1.whl (3 MB)\n", "downloading x-1.whl"),
        ("Installing collected packages: a, b, c\n", "unpacking"),
        ("Requirement already satisfied: x\n", ""),
    ],
)
def test_progress_shows_which_package_pip_is_at(line: str, shown: str) -> None:
    assert releases.shown(line) == shown


def test_the_python_found_is_one_that_open_webui_supports() -> None:
    answer = subprocess.check_output(
        [releases.find_python(), "-c", "import sys; print(sys.version_info[:2])"], text=True
    )
    assert answer.strip() in [str(version) for version in releases.PYTHONS]


def test_what_is_installed_gets_no_secret_of_a_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_ADMIN", "boss@example.org:s3cret-that-nobody-may-see")
    monkeypatch.setenv("LOCUST_WEB_LOGIN", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")  # which pip may need
    print_names = [sys.executable, "-c", "import os; print(*sorted(os.environ), sep='\\n')"]
    with (tmp_path / "pip.log").open("w", encoding="utf-8") as log:
        releases._run(print_names, {"PIP_INDEX_URL": "https://index.invalid"}, "building", lambda _: None, log, VERSION)
    names = (tmp_path / "pip.log").read_text("utf-8").split()
    assert [name for name in names if name.startswith(("SEATRIAL_", "LOCUST_"))] == []
    assert {"HTTPS_PROXY", "PIP_INDEX_URL", "PATH"} <= set(names)
