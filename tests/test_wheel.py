"""Seatrial built as a wheel and installed into an environment of its own, outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_all_parts_and_the_contract(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {"seatrial/openapi.yaml", "contract_tests/pytest.ini", "seatrial/known_defects.toml"}
    wanted |= {"load/locustfile.py", "seatrial/cli/__init__.py"}
    wanted |= {
        "reports/page/page.html.j2",
        "reports/page/style.css",
        "reports/page/script.js",
        "reports/definitions.toml",
    }
    assert wanted <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/", "reports/example/"))]


def test_it_verifies_and_loads_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Unpacked beside the installed dependencies: what counts is that nothing of the checkout is needed."""
    site, work = tmp_path / "site", tmp_path / "work"
    zipfile.ZipFile(wheel).extractall(site)
    work.mkdir()
    # A folder of this name in the working directory must not be taken for the package.
    (work / "load").mkdir()
    (work / "load" / "__init__.py").write_text("raise ImportError('the wrong one')")
    shell = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "seatrial", "verify", "--load", "--out", "run"],
        cwd=work,
        env=shell | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (work / "run" / "report.html").stat().st_size > 10_000
    assert str(ROOT) not in (work / "run" / "pytest.log").read_text()
