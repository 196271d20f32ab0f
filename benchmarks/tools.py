"""Other people's load tools on the model of known timing: started as their documentation has it, their results read.

    heard = run("aiperf", url, Wanted(streams=100, requests=300, rate=None))
    heard.firsts, heard.gaps, heard.means, heard.failures

They write no per-token clock that could be set against the server's own, so their requests are paired with what the
server told by the order of their starts. None of them has credentials, sends anything but a few words, or reaches
beyond this machine.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import peers
from processes import ended

LIMIT, GRACE = 300.0, 20.0
MOST = 150
"""Seconds after which a tool is to end by itself, where it can be told to: one waits for requests that broke."""
PROMPT = "t1 t2 t3 t4 t5 t6"
WORDS = 200


class ToolFailed(Exception):
    """A tool ended without a result."""


@dataclass(frozen=True)
class Wanted:
    """So many streams at a time, or so many started each second (`rate`); `requests` in all."""

    streams: int
    requests: int
    rate: float | None = None


@dataclass
class Request:
    """What a tool's own result says of one request: its start (seconds, any clock) and milliseconds from there.

    `gaps` are empty where only their mean is reported.
    """

    start: float
    first: float | None
    gaps: list[float] = field(default_factory=list)
    mean: float | None = None


@dataclass
class Result:
    """A run. `cpu` is the share of a core over all of it, starting up and making reports included."""

    requests: list[Request]
    failures: int
    cpu: float


def names() -> list[str]:
    """The tools that are installed here."""
    return [name for name in TOOLS if peers.home(name) is not None]


def run(name: str, url: str, wanted: Wanted) -> Result:
    """Raises `ToolFailed`."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        _tokenizer(place / "tokenizer")
        (place / "prompts.jsonl").write_text(
            "".join(json.dumps({"text": PROMPT, "prompt": PROMPT}) + "\n" for _ in range(wanted.requests)), "utf-8"
        )
        command, read = TOOLS[name](url, wanted, place)
        environment = {"PATH": os.environ["PATH"], "HOME": scratch, "TMPDIR": scratch}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        end = ended(command, environment, LIMIT, cwd=place, grace=GRACE)
        if end.code is None:
            raise ToolFailed(f"{name}: no end within {LIMIT:.0f} s")
        after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
        cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / seconds
        try:
            requests, failures = read()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ToolFailed(f"{name}: no result (exit {end.code}, {error!r}): {end.last}") from None
        return Result(requests, failures, cpu)


Reader = Callable[[], tuple[list[Request], int]]


def _aiperf(url: str, wanted: Wanted, place: Path) -> tuple[list[str], Reader]:
    load = ["--concurrency", str(wanted.streams)]
    if wanted.rate is not None:
        load = ["--request-rate", f"{wanted.rate:g}", "--arrival-pattern", "constant"]
    command = [
        str(peers.program("aiperf")), "profile", "--model", "known", "--url", url, "--endpoint-type", "chat",
        "--streaming", "--request-count", str(wanted.requests), "--warmup-request-count", str(wanted.streams),
        "--warmup-concurrency", str(wanted.streams), *load, "--tokenizer", str(place / "tokenizer"), "--ui", "none",
        "--input-file", str(place / "prompts.jsonl"), "--custom-dataset-type", "single_turn",
        "--artifact-dir", str(place / "out"),
    ]  # fmt: skip

    def read() -> tuple[list[Request], int]:
        requests, failures = [], 0
        for line in (place / "out" / "profile_export.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["metadata"]["benchmark_phase"] != "profiling":
                continue
            if row.get("error"):
                failures += 1
                continue
            metrics = {name: metric["value"] for name, metric in row["metrics"].items()}
            requests.append(
                Request(
                    row["metadata"]["request_start_ns"] / 1e9,
                    metrics.get("time_to_first_token"),
                    metrics.get("inter_chunk_latency") or [],
                    metrics.get("inter_token_latency"),
                )
            )
        return requests, failures

    return command, read


def _guidellm(url: str, wanted: Wanted, place: Path) -> tuple[list[str], Reader]:
    load = f"kind=concurrent,streams={wanted.streams}"
    if wanted.rate is not None:
        load = f"kind=constant,rate={wanted.rate:g}"
    command = [
        str(peers.program("guidellm")), "run", "--backend", f"kind=openai_http,target={url},model=known",
        "--data", f"kind=json_file,path={place / 'prompts.jsonl'}", "--profile", load,
        "--constraint", f"kind=max_requests,count={wanted.requests}",
        "--constraint", f"kind=max_duration,seconds={MOST}",
        "--output", f"kind=json,path={place / 'result.json'}", "--disable-console",
    ]  # fmt: skip

    def read() -> tuple[list[Request], int]:
        document = json.loads((place / "result.json").read_text("utf-8"))
        told = document["benchmarks"][0]["requests"]
        requests = [
            Request(
                _guidellm_start(row),
                row["time_to_first_token_ms"],
                mean=row["inter_token_latency_ms"],
            )
            for row in told["successful"]
        ]
        return requests, len(told["errored"])

    return command, read


def _guidellm_start(row: dict[str, Any]) -> float:
    return float(row.get("request_start_time") or row["start_time"])


def _inference_perf(url: str, wanted: Wanted, place: Path) -> tuple[list[str], Reader]:
    seconds = max(1, round(wanted.requests / (wanted.rate or wanted.requests)))
    stage: dict[str, Any] = {"rate": wanted.rate, "duration": seconds}
    kind = "constant"
    if wanted.rate is None:
        kind, stage = "concurrent", {"num_requests": wanted.requests, "concurrency_level": wanted.streams}
    config = {
        "api": {"type": "chat", "streaming": True},
        "data": {"type": "mock"},
        "load": {"type": kind, "stages": [stage], "num_workers": 1},
        "server": {"type": "vllm", "model_name": "known", "base_url": url, "ignore_eos": True},
        "tokenizer": {"pretrained_model_name_or_path": str(place / "tokenizer")},
        "report": {"request_lifecycle": {"summary": True, "per_stage": True, "per_request": True}},
        "storage": {"local_storage": {"path": str(place / "out")}},
    }
    (place / "config.yaml").write_text(json.dumps(config), "utf-8")  # JSON is YAML

    def read() -> tuple[list[Request], int]:
        rows = json.loads((place / "out" / "per_request_lifecycle_metrics.json").read_text("utf-8"))
        requests, failures = [], 0
        for row in rows:
            if row.get("error"):
                failures += 1
                continue
            times = (row["info"]["response_metrics"] or {}).get("output_token_times") or []
            gaps = [(later - earlier) * 1000 for earlier, later in pairwise(times)]
            first = (times[0] - row["start_time"]) * 1000 if times else None
            requests.append(Request(row["start_time"], first, gaps, sum(gaps) / len(gaps) if gaps else None))
        return requests, failures

    return [str(peers.program("inference-perf")), "--config_file", str(place / "config.yaml")], read


TOOLS: dict[str, Callable[[str, Wanted, Path], tuple[list[str], Reader]]] = {
    "guidellm": _guidellm,
    "aiperf": _aiperf,
    "inference-perf": _inference_perf,
}


def _tokenizer(folder: Path) -> None:
    """They want a tokenizer, and would load one from the network: one that knows the words of the model."""
    folder.mkdir()
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "[EOS]", *(f"t{n}" for n in range(WORDS))])}
    tokenizer: dict[str, object] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }  # fmt: skip
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "eos_token": "[EOS]"}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
