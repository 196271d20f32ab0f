"""Models that are set to stream never, or always, whatever a request asks for."""

from __future__ import annotations

from pathlib import Path

from command_line import seatrial_command
from fake_openwebui import ADMIN
from odd_openwebui import OddOpenWebUI
from suite_alone import crew_of, found, looked

from contract_tests import test_streams
from contract_tests.unstreamed import RULES
from seatrial.lab.serving import running
from seatrial.records import RunFolder


def test_a_model_that_is_set_not_to_stream_breaks_no_rule(tmp_path: Path) -> None:
    fake = OddOpenWebUI(streams=False)
    with crew_of(fake, tmp_path) as crew:
        log = looked(fake, crew, test_streams.test_a_stream_is_whole_live_unstored_and_says_what_a_plain_reply_says)
    assert found(log) == []
    assert log.skips == {(rule, "createChatCompletion"): "the model is set not to stream" for rule in RULES}


def test_a_model_that_streams_whatever_is_asked_ends_the_run(tmp_path: Path) -> None:
    fake = OddOpenWebUI(streams=True)
    with running(fake.app) as url:
        ended = seatrial_command(
            tmp_path, "verify", url, "--admin", f"{ADMIN}:right", "--out", "run",
            env={"PYTEST_ADDOPTS": "-k 'do_not_mix or models_are_named or plain_turn'"},
        )  # fmt: skip
    run = RunFolder(tmp_path / "run").load()
    assert "the model scripted streams whatever is asked" in (run.problem or ""), ended
    assert "choose another --model" in (run.problem or "")
    assert run.counts["tests"] == 1
    assert run.left_behind == []
