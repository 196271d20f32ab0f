"""Ending what the lab started, where a signal to its group is refused.

macOS refuses one to a group of which only a zombie is left. Elsewhere a group of somebody else's processes does the
same, which only root can start.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seatrial.lab.children import child
from seatrial.lifeline import VARIABLE, child_environment

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of somebody else")


def sleeps(seconds: int) -> list[str]:
    return [sys.executable, "-c", f"import time; time.sleep({seconds})"]


def nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("here is no account nobody")


def become_nobody(first: str, then: str, *arguments: str, parent: str = "") -> subprocess.CompletedProcess[str]:
    """Run the first as root, which may read where the code lies, and the rest as somebody who may signal no one."""
    who = nobody()
    drop = f"import os, sys; os.setgroups([]); os.setgid({who.pw_gid}); os.setuid({who.pw_uid})"
    return subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{first}\n{drop}\n{then}", *arguments],
        env=child_environment() | ({VARIABLE: parent} if parent else {}),
        cwd="/", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_guard_that_is_refused_a_signal_removes_the_folder_all_the_same() -> None:
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, nobody().pw_uid, nobody().pw_gid)
    with child(sleeps(60), env=dict(os.environ), output=subprocess.DEVNULL) as process:
        wanted = json.dumps({"group": process.pid, "folder": str(folder), "end": 15})
        gone = "0"  # no process has this number: the starter is no more
        done = become_nobody("from seatrial.lab import guard", "guard.main(sys.argv[1])", wanted, parent=gone)
        assert process.poll() is None
    assert (done.returncode, done.stderr) == (0, "")
    assert not folder.exists()


def test_a_block_ends_in_order_where_its_group_takes_no_signal() -> None:
    begin = "from seatrial.lab.children import child\nblock = child(json.loads(sys.argv[1]), env={})\n"
    begin += "process = block.__enter__()"
    end = "block.__exit__(None, None, None)\nprint(process.returncode)"
    done = become_nobody(begin, end, json.dumps(sleeps(1)))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "0", "")
