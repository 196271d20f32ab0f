"""The shape of the code, held by tests: import directions, where paths stand, what the documentation lists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import load.overhead
import reports.overhead
from contract_tests.rules import RULES
from seatrial.contract import Contract
from seatrial.known import CONDITIONS, known_defects

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("seatrial", "contract_tests", "load", "reports")
BESIDE = ("tests", "benchmarks")


def _modules(*folders: str) -> list[Path]:
    return [path for folder in folders or PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))]


def test_imports_go_one_way() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_path_is_written_in_the_contract_and_nowhere_else() -> None:
    paths = {operation.path for operation in Contract.load().operations.values()}
    starts = {path.split("{")[0].rstrip("/") for path in paths} - {""}
    found = []
    for module in _modules():
        for number, line in enumerate(module.read_text("utf-8").splitlines(), 1):
            quoted = re.findall(r"""["'](/[^"'\s]*)["']""", line)
            found += [f"{module.relative_to(ROOT)}:{number}" for text in quoted if text.rstrip("/") in starts]
    # The scripted model provider speaks OpenAI's API, which the contract does not describe.
    assert [place for place in found if "lab/provider" not in place] == []


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    modules = _modules(*PACKAGES, *BESIDE)
    long = {path.name: n for path in modules if (n := len(path.read_text("utf-8").splitlines())) > 300}
    assert long == {}


def test_every_module_says_what_it_stands_for() -> None:
    silent = [path.name for path in _modules() if not path.read_text("utf-8").startswith(('"""', 'r"""'))]
    assert silent == []


def test_the_page_of_rules_lists_them_all() -> None:
    written = (ROOT / "docs/rules.md").read_text("utf-8")
    told = subprocess.run(
        [sys.executable, ROOT / "benchmarks/rules_page.py"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert written == told.stdout, "python benchmarks/rules_page.py > docs/rules.md"


def test_every_rule_that_is_named_exists() -> None:
    named = set()
    for module in (ROOT / "contract_tests").glob("*.py"):
        text = module.read_text("utf-8")
        calls = re.findall(r"""(?:check\.(?:that|equal|skip)|\.finding|\.held)\(\s*["']([a-z-]+)["']""", text)
        named |= set(calls)
    assert named <= set(RULES)


def test_known_defects_name_rules_operations_and_conditions_that_exist() -> None:
    operations = Contract.load().operations
    defects = known_defects()
    assert len({defect.id for defect in defects}) == len(defects)
    for defect in defects:
        assert defect.rule in RULES
        assert defect.operation in operations
        assert set(defect.when.values()) <= set(CONDITIONS)


def test_every_known_defect_is_in_the_table_of_releases() -> None:
    page = (ROOT / "docs/releases.md").read_text("utf-8")
    assert [defect.id for defect in known_defects() if f"`{defect.id}`" not in page] == []


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[^\w.-]", line)[0] for line in project["dependencies"]}
    named = [
        name.split(".")[0]
        for module in _modules()
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else
                     [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else [])
    ]  # fmt: skip
    foreign = set(named) - set(sys.stdlib_module_names) - set(PACKAGES)
    owners = metadata.packages_distributions()
    missing = {name for name in foreign if not declared & {owner.lower().replace("_", "-") for owner in owners[name]}}
    assert missing == set()


def test_what_two_parts_write_and_read_has_one_name() -> None:
    assert reports.overhead.FILE == load.overhead.OVERHEAD


def test_the_lock_holds_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert not re.search(r"https?://|--index-url|--find-links|file:", lock)
