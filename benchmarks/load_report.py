"""docs/benchmarks.md: what the stored rounds come to, as tables, and the example in docs/capacity.md. Nothing is run.

python benchmarks/load_report.py
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import accuracy
import capacity_openwebui
import endings
import faults_under_load
import memory
import rate
import soak
from markdown import NOT_RUN, number, put_in, table, verdicts
from rounds import Round, contestants, middle, ratio, stored
from storing import RESULTS, ROOT

PAGE, CAPACITY = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "capacity.md"
SCRIPT = "benchmarks/load_report.py"
INTRODUCTION = """\
# How well it measures

What `make bench` measured, beside other tools in the same rounds. This page is written by it; nothing in it is written
by hand. Numbers are medians of the rounds, ratios medians of each round's own. *Asked* is the bound that this project
set itself before; what misses it says so.
"""
ACCURACY = """\
Streams of a server of known timing: the first of 50 tokens after 200 ms, then one each 20 ms, so many at a time in one
process. An error is what a client measured less what the server did, on one clock. *Spread*: starts are even; *burst*:
all start at once. Clients of our own writing have their connections before; Seatrial's clock starts when the request
has left and takes the kernel's stamp of what arrives, the others' start before their call. Milliseconds, absolute.
GuideLLM tells means of gaps only.
"""
AHEAD = """
The server goes before all other processes (SCHED_FIFO), so that it is on time whatever a client does."""
NOT_AHEAD = """
The server had to wait for a processor like every other process, also for the client's,"""
RATE = """\
Session lifecycles (create, three turns, history, delete) per second of one core of the generator, against a server that
costs next to nothing. Seatrial as shipped, with checks, records, ledger and self-check; the others check and record
nothing.
"""
ENDINGS = """\
Of 400 streams 310 end well; 30 just stop, 30 are cut by a reset, 30 tell of an error inside their 200. A tool's own
list does not say which of its successes were none.
"""
FAULTS = f"""\
`seatrial load` with {faults_under_load.USERS} users for {faults_under_load.SECONDS} s through the fault proxy, with the
objective that 95 of 100 histories take less than {faults_under_load.LIMIT_MS} ms.
"""
NAMES = {
    "seatrial": "**Seatrial**", "sockets": "raw sockets (the floor)", "httpx": "asyncio with httpx",
    "fast_http_user": "Locust, FastHttpUser", "http_user": "Locust, HttpUser", "guidellm": "GuideLLM",
    "aiperf": "AIPerf",
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where rounds are stored")
    given = parser.parse_args()
    write(given.folder)
    return 0


def write(folder: Path) -> None:
    """Both pages, from what is stored in the folder."""
    PAGE.write_text(page(folder), "utf-8")
    searches = stored(folder, "capacity")
    CAPACITY.write_text(put_in(CAPACITY.read_text("utf-8"), SCRIPT, example(searches)), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} and the example in {CAPACITY.relative_to(ROOT)}")


def page(folder: Path) -> str:
    """The whole page, in Markdown."""
    parts: list[tuple[str, Callable[[Sequence[Round]], Iterable[str]], str]] = [
        ("Accuracy", _accuracy, "accuracy"),
        ("Failures told apart", _endings, "endings"),
        ("Rate", _rate, "rate"),
        ("Memory", _memory, "memory"),
        ("Soak", _soak, "soak"),
        ("Faults found under load", _faults, "faults under load"),
        ("Capacity, repeated", _capacity, "capacity"),
    ]
    lines, played = INTRODUCTION.splitlines(), {name: stored(folder, name) for _, _, name in parts}
    lines += ["", *_machines([row for rows in played.values() for row in rows])]
    for title, told, name in parts:
        rounds = played[name]
        lines += ["", f"## {title}", "", *([*told(rounds), "", _of_which(rounds)] if rounds else NOT_RUN)]
    return "\n".join(lines).rstrip() + "\n"


def example(searches: Sequence[Round]) -> list[str]:
    """What a search comes to on a real deployment, on the databases that were searched."""
    if not searches:
        return ["## An example", "", *NOT_RUN]
    machine, search = searches[-1].machine, capacity_openwebui
    named = list(dict.fromkeys(row.setting for row in searches))
    said = (
        f"`seatrial capacity` with the objective `{search.OBJECTIVE}` on Open WebUI {' and '.join(named)}: "
        f"{search.TURNS} turns a session with {search.THINK} s of thought before each; generator, scripted provider, "
        f"server and database on one machine with {machine['cores']} cores and {machine['memory']}. Each search on a "
        "new deployment."
    )
    return [
        "## An example",
        "",
        said,
        "",
        *capacity_openwebui.lines(searches),
        "",
    ]


def _machines(rounds: Sequence[Round]) -> list[str]:
    machines = {tuple(row.machine.items()): row.at[:10] for row in sorted(rounds, key=lambda row: row.at)}
    if not machines:
        return NOT_RUN
    return [f"Measured until {at} on {', '.join(_of(*pair) for pair in told)}." for told, at in machines.items()]


def _of_which(rounds: Sequence[Round]) -> str:
    """From which sources, by the digest that says whether `make bench` would measure again, and when."""
    at = sorted(row.at[:10] for row in rounds)
    days = at[0] if at[0] == at[-1] else f"{at[0]} to {at[-1]}"
    return f"*Measured {days}, from sources {rounds[-1].fingerprint}.*"


def _of(name: str, value: str) -> str:
    if name == "cores":
        return f"{value} cores"
    return value if name in ("memory", "system") else f"{name} {value}"


def _named(name: str) -> str:
    return NAMES.get(name, name)


def _figures(rounds: Sequence[Round], setting: str, columns: dict[str, str], digits: int) -> list[str]:
    rows = [
        [_named(name), *(number(middle(rounds, setting, name, column), digits) for column in columns)]
        for name in contestants(rounds, setting)
    ]
    return table(["", *(f"{head}:" for head in columns.values())], rows)


def _accuracy(rounds: Sequence[Round]) -> Iterable[str]:
    yield from ACCURACY.splitlines()
    ahead = [bool(numbers.get(accuracy.AHEAD)) for row in rounds for numbers in row.seen.values()]
    yield AHEAD if all(ahead) else f"{NOT_AHEAD} in {ahead.count(False)} of {len(ahead)} runs."
    settings = list(dict.fromkeys(row.setting for row in rounds))
    for setting in settings:
        stalled = setting == accuracy.STALLED
        columns = accuracy.STALL_COLUMNS if stalled else accuracy.COLUMNS
        if stalled:
            title = "One stall of 500 ms in every tenth of 100 streams: what shows of it"
        else:
            way, level = setting.split()
            title = f"{level} streams, {way}"
        yield from ("", f"### {title}", "", *_figures(rounds, setting, columns, 1))
    connect = [middle(rounds, setting, "seatrial", "connect") for setting in settings]
    known = [value for value in connect if value is not None]
    if known:
        yield from ("", f"Connecting, which Seatrial reports apart: {min(known):.2f} to {max(known):.2f} ms (medians).")
    yield from ("", *verdicts(accuracy.judged(rounds)))


def _endings(rounds: Sequence[Round]) -> Iterable[str]:
    seen = rounds[-1].seen
    yield from (
        *ENDINGS.splitlines(),
        "",
        *endings.lines({_named(name): numbers for name, numbers in seen.items()}),
        "",
        *verdicts([("Seatrial counts every stream as what it was", endings.is_right(seen))]),
    )


def _rate(rounds: Sequence[Round]) -> Iterable[str]:
    yield from (*RATE.splitlines(), "")
    rows = [
        [_named(name), number(middle(rounds, rate.SETTING, name, "per_core")),
         number(ratio(rounds, rate.SETTING, "seatrial", name, "per_core"), 2)]
        for name in contestants(rounds, rate.SETTING) if name != "null server"
    ]  # fmt: skip
    yield from table(["", "sessions per second and core:", "Seatrial plays so many times as many:"], rows)
    yield from ("", *verdicts(rate.judged(list(rounds))))


def _memory(rounds: Sequence[Round]) -> Iterable[str]:
    yield from ("Resident memory of the load process with users that are connected and think.", "")
    yield from _figures(rounds, memory.SETTING, memory.COLUMNS, 0)


def _soak(rounds: Sequence[Round]) -> Iterable[str]:
    numbers = rounds[-1].seen["seatrial"]
    yield from verdicts(soak.judged(numbers))
    yield from ("", f"Resident: {soak.told(numbers)}.")


def _faults(rounds: Sequence[Round]) -> Iterable[str]:
    yield from (*FAULTS.splitlines(), "")
    yield from faults_under_load.lines(list(rounds))


def _capacity(rounds: Sequence[Round]) -> Iterable[str]:
    yield from (*capacity_openwebui.lines(rounds), "", *verdicts(capacity_openwebui.judged(rounds)))


if __name__ == "__main__":
    sys.exit(main())
