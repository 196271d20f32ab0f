"""A second machine, as far as the network goes: a network namespace, a way from there to what listens here, and a load
that is played from both."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from os import geteuid, getpid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from command_line import command, environment

from seatrial.lab.children import child

NETWORK = "10.213.77"
"""Of the two namespaces; private, and routed nowhere."""


@contextmanager
def namespace() -> Iterator[tuple[str, ...]]:
    """Another machine, as far as the network goes: yields what to put before a command that is to run there."""
    if shutil.which("ip") is None or geteuid() != 0:
        pytest.skip("network namespaces want iproute2 and root")
    name = f"seatrial-{getpid()}"
    end = f"st{getpid() % 100_000}"

    def ip(*arguments: str) -> None:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr.strip())

    try:
        ip("netns", "add", name)
    except OSError as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    try:
        ip("link", "add", f"{end}a", "type", "veth", "peer", "name", f"{end}b", "netns", name)
        ip("addr", "add", f"{NETWORK}.1/30", "dev", f"{end}a")
        ip("link", "set", f"{end}a", "up")
        ip("-n", name, "addr", "add", f"{NETWORK}.2/30", "dev", f"{end}b")
        ip("-n", name, "link", "set", f"{end}b", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield ("ip", "netns", "exec", name)
    finally:
        ip("netns", "del", name)  # takes both ends along


@contextmanager
def relayed(url: str, host: str) -> Iterator[str]:
    """Every connection to an address of this machine goes on to a server that listens on another one; the new URL."""
    behind, loop, tasks = urlsplit(url), asyncio.new_event_loop(), set[asyncio.Task[None]]()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(behind.hostname, behind.port)
        for pair in ((reader, there[1]), (there[0], writer)):
            task = loop.create_task(copy(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def end() -> None:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    server = loop.run_until_complete(asyncio.start_server(relay, host, 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(end())
        loop.close()


def led(
    url: str,
    place: Path,
    meeting: str,
    secrets: Mapping[str, str],
    options: tuple[str, ...],
    *,
    users: int = 4,
    duration: str = "4s",
    apart: tuple[str, ...] = (),
) -> int:
    """A master and two workers, the second of them `apart`, to their end: the master's exit code.

    Their run folders are `all`, `one` and `two` of the place.
    """
    env = environment(secrets)
    lead = ("--users", str(users), "--duration", duration, "--master", meeting, "--expect-workers", "2", "--yes")
    with ExitStack() as stack:
        master = stack.enter_context(child(command("load", url, *lead, *options, "--out", str(place / "all")), env=env))
        workers = []
        for name, prefix in (("one", ()), ("two", apart)):
            line = command("load", url, "--worker", meeting, "--yes", "--out", str(place / name))
            workers.append(stack.enter_context(child([*prefix, *line], env=env)))
        code = master.wait(120)
        assert [worker.wait(30) in (0, 3) for worker in workers] == [True, True]
        return code
