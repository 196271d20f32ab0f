"""Generated requests, valid and invalid, per operation: every answer keeps the contract, bad input is refused.

They run last and as an account of their own: on some releases one odd request spoils an account for good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.deletion import may_delete
from contract_tests.generation import Generator, call_of, failures
from contract_tests.verification import Verification
from seatrial.contract import OPENWEBUI, Operation
from seatrial.crew import Crew, Person
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.reading import identifier, success
from seatrial.trees import tree
from seatrial.verbs import VERB_OPERATIONS

EXAMPLES = {"quick": 10, "full": 100}
"""Generated cases of each kind per operation; completions get a quarter, and only small ones."""


@pytest.fixture(scope="session")
def generator(verification: Verification) -> Generator:
    return Generator(verification.crew.contract, verification.settings.seed)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per operation of the API that the target speaks."""
    if "operation" not in metafunc.fixturenames:
        return
    plugin: Any = metafunc.config.pluginmanager.get_plugin("seatrial-verification")
    verification = plugin.verification
    operations = verification.crew.contract.of(verification.crew.api) if verification else []
    chosen = [operation for operation in operations if not operation.never]
    metafunc.parametrize("operation", chosen, ids=[operation.id for operation in chosen])


def test_generated_requests(
    verification: Verification, crew: Crew, check: Checker, generator: Generator, operation: Operation
) -> None:
    person = verification.guinea_pig
    if person is None:
        reason = "the account for generated requests was spoiled by one of them, and only --admin can make another"
        check.skip("answer-conforms", operation.id, reason)
        pytest.skip(reason)
    if operation.writes and not person.account.disposable:
        reason = "generated writes need an account that may be written to freely: --admin or --disposable"
        check.skip("answer-conforms", operation.id, reason)
        pytest.skip(reason)
    asks = operation.id == "createChatCompletion"
    if asks and crew.speaker is not crew.people[0]:
        check.skip("answer-conforms", operation.id, "ordinary accounts see no model")
        pytest.skip("ordinary accounts see no model")
    examples = EXAMPLES[verification.settings.depth]
    values = _living(crew, person)
    sent: list[Reply] = []

    def visit(case: Any, valid: bool) -> None:
        call = call_of(case, operation)
        if call is None:
            return
        if asks:
            call = _affordable(call, crew.model, valid)
        with check.log.provoking():
            try:
                reply = person.client.send(call)
            except NoAnswer as failure:
                if words := verification.too_slow(failure):
                    check.skip("no-answer", operation.id, words)
                    return
                check.log.finding("no-answer", operation.id, "an answer", failure.reason, "connection", call=call)
                return
        sent.append(replace(reply, body=b""))  # many megabytes of them would add up
        check.log.held("bad-input-refused" if not valid else "valid-input-accepted", operation.id)
        _judge(crew, check, person, case, reply, valid)

    generator.cases(operation, max(3, examples // 4) if asks else examples, values, visit)
    if operation.writes and sent and not _still_usable(crew, check, person, operation, sent):
        verification.spoiled()


def _judge(crew: Crew, check: Checker, person: Person, case: Any, reply: Reply, valid: bool) -> None:
    operation = reply.call.operation
    if valid and reply.status in (400, 422):
        check.log.finding(
            "valid-input-accepted", operation, "a 2xx, or a refusal of what does not exist", str(reply),
            f"status {reply.status}", reply, person.account, "break",
        )  # fmt: skip
    if reply.status >= 500 or any(crew.contract.violations(reply)):
        return  # the log has it already, from the second validator
    for failure in failures(case, reply, crew.target.url):
        name = type(failure).__name__
        if name == "AcceptedNegativeData":
            mutated = _mutated(case)
            check.log.finding(
                "bad-input-refused",
                operation,
                "a 4xx",
                f"{reply} to {failure.message[-200:]}",
                mutated,
                reply,
                person.account,
            )
        else:
            check.log.finding(
                "answer-conforms",
                operation,
                "an answer as documented",
                f"{name}: {failure.message[:300]}",
                name,
                reply,
                person.account,
            )


def _mutated(case: Any) -> str:
    """Which part of the request was made wrong: the instance of a finding."""
    data = getattr(getattr(case.meta, "phase", None), "data", None)
    location = getattr(data, "parameter_location", None)
    name = getattr(data, "parameter", None)
    return f"{getattr(location, 'value', 'request')}: {name or 'whole'}"


def _affordable(call: Call, model: str | None, valid: bool) -> Call:
    """Generated completions stay small: the model in use, no stream, a short prompt, nothing stored."""
    if not isinstance(call.json, dict) or not valid:
        return call
    body = {key: value for key, value in call.json.items() if key in ("model", "messages", "stream")}
    return replace(
        call, json=body | {"model": model, "stream": False, "messages": [{"role": "user", "content": "Say yes."}]}
    )


def _living(crew: Crew, person: Person) -> dict[str, str]:
    """Path values that exist, so that generated requests reach more than "not found"."""
    if crew.api != OPENWEBUI:
        session = person.actor.create_session()
        return dict.fromkeys(_path_names(crew), session.id)
    chat = tree(crew.title("generated"), ["Q", "A"], crew.model)
    reply = person.client.send(crew.contract.call("createChat", json={"chat": chat}))
    names = dict.fromkeys(_path_names(crew), identifier(reply, success(reply)))
    return names | {name: chat["history"]["currentId"] for name in names if "message" in name}


def _path_names(crew: Crew) -> list[str]:
    return [name for operation in crew.contract.of(crew.api) for name in operation.path_parameters]


def _still_usable(crew: Crew, check: Checker, person: Person, operation: Operation, sent: list[Reply]) -> bool:
    """After odd requests the account works as before: it lists, creates, reads, and deletes where it may."""
    check.log.held("bad-input-harmless", operation.id)
    try:
        session = person.actor.create_session(crew.title("after"))
        person.actor.list_sessions()
        person.actor.get_history(session.id)
        if may_delete(person, check, ("bad-input-harmless", VERB_OPERATIONS[crew.api]["delete_session"])):
            person.actor.delete_session(session.id)
    except (Unexpected, NoAnswer) as error:
        # The likely one: what the server stumbled over, else the last that it took.
        culprits = [r for r in sent if r.status >= 500] or [r for r in sent if r.status < 300] or sent
        check.log.finding(
            "bad-input-harmless", operation.id, "an account that works as before", str(error), "the account afterwards",
            account=person.account, call=culprits[-1].call, calls=[reply.call for reply in sent],
        )  # fmt: skip
        return False
    return True
