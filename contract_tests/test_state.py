"""Random conversations of two people, held against a model of what the server should have after each step.

A sequence that goes wrong is shortened and told as steps that a person can take.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from contract_tests.budget import BudgetSpent, RunSpent
from contract_tests.check import Checker, difference
from contract_tests.deletion import may_delete
from contract_tests.quota import Refused
from contract_tests.repeatable import SETTINGS
from contract_tests.trail import Step, Trail
from contract_tests.verification import Verification
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.verbs import Session, kept

RUNS = {("quick", SESSIONS): 6, ("quick", OPENWEBUI): 3, ("full", SESSIONS): 14, ("full", OPENWEBUI): 14}
"""Sequences, by what they cost: at quick depth a verification of Open WebUI has half a minute for everything."""

STEPS = {"quick": 12, "full": 25}
MOST_STEPS = {"quick": 150, "full": 600}
"""Steps of one verification, shortening included; each is one or a few requests."""


class Disagreement(AssertionError):
    """The server is in another state than the steps so far should have brought it to."""

    def __init__(self, operation: str, expected: str, received: str, steps: list[str], calls: list[Step]) -> None:
        self.operation, self.expected, self.received = operation, expected, received
        self.steps, self.calls = list(steps), calls
        super().__init__(f"{operation}: expected {expected}, received {received}")


class Conversations(RuleBasedStateMachine):
    """What people do, and what should then be there: per person, sessions in the order made, and what was said."""

    crew: ClassVar[Crew]
    trail: ClassVar[Trail]
    people: ClassVar[list[Person]]
    verb: ClassVar[dict[str, str]]
    talks: ClassVar[bool]
    deletes: ClassVar[bool]
    taken: ClassVar[int]
    most: ClassVar[int]
    worst: ClassVar[Disagreement | None]

    def __init__(self) -> None:
        super().__init__()
        self.begun = len(self.trail.steps)
        self.steps: list[str] = []
        self.sessions: list[tuple[int, Session, list[tuple[str, str]]]] = []
        self.gone: list[tuple[int, Session]] = []
        self.made: list[str] = []

    @classmethod
    def shortest(cls) -> Disagreement | None:
        """The disagreement that the fewest steps led to."""
        return cls.worst

    def step(self, words: str) -> bool:
        """Whether the step may still be taken: a verification is bounded, shortening included."""
        cls = type(self)
        cls.taken += 1
        self.steps.append(words)
        self.trail.words = words
        return cls.taken <= cls.most

    def differ(self, operation: str, expected: str, received: str) -> None:
        found = Disagreement(operation, expected, received, self.steps, self.trail.steps[self.begun :])
        cls = type(self)
        if cls.worst is None or len(found.steps) < len(cls.worst.steps):
            cls.worst = found
        raise found

    def agree(self, verb: str, expected: Any, received: Any) -> None:
        if expected != received:
            self.differ(self.verb[verb], *difference(expected, received))

    @rule(who=st.integers(0, 1))
    def create(self, who: int) -> None:
        who %= len(self.people)
        if self.step(f"{_name(who)} creates session {len(self.made) + 1}"):
            session = self.people[who].actor.create_session(self.crew.title("state"))
            self.sessions.append((who, session, []))
            self.made.append(session.id)

    @precondition(lambda self: self.sessions and self.talks)
    @rule(pick=st.integers(0, 99), text=st.sampled_from(["Olá?", "And then?", "Say one word.", "🙂 ok?"]))
    def say(self, pick: int, text: str) -> None:
        at = pick % len(self.sessions)
        who, session, spoken = self.sessions[at]
        prompt = f"{text} [{len(spoken)}.{pick}]"
        if not self.step(f"{_name(who)} says {prompt!r} in {self.told(session)}"):
            return
        try:
            turn = self.people[who].actor.send_message(session, prompt)
        except RunSpent:
            raise
        except Refused:  # by the model's provider: what is stored now is a prompt with an error
            del self.sessions[at]
            return
        except BudgetSpent:
            type(self).talks = False
            return
        spoken += [("user", prompt), ("assistant", turn.reply)]
        self.sessions[at] = (who, turn.session or session, spoken)

    @precondition(lambda self: self.sessions)
    @rule(pick=st.integers(0, 99))
    def read(self, pick: int) -> None:
        who, session, spoken = self.sessions[pick % len(self.sessions)]
        if self.step(f"{_name(who)} reads {self.told(session)}"):
            history = self.people[who].actor.get_history(session.id)
            self.agree("get_history", spoken, kept(history, spoken))

    @rule(who=st.integers(0, 1))
    def look(self, who: int) -> None:
        who %= len(self.people)
        if self.step(f"{_name(who)} lists sessions"):
            own = [session.id for owner, session, _ in self.sessions if owner == who]
            known = {s.id for _, s, _ in self.sessions} | {s.id for _, s in self.gone}
            listed = [row.id for row in self.people[who].actor.list_sessions() if row.id in known]
            # What is of one second comes in any order.
            self.agree("list_sessions", sorted(own), sorted(listed))

    @precondition(lambda self: self.sessions and self.deletes)
    @rule(pick=st.integers(0, 99))
    def delete(self, pick: int) -> None:
        who, session, _ = self.sessions[pick % len(self.sessions)]
        if self.step(f"{_name(who)} deletes {self.told(session)}"):
            self.people[who].actor.delete_session(session.id)
            del self.sessions[pick % len(self.sessions)]
            self.gone.append((who, session))

    @precondition(lambda self: self.gone)
    @rule(pick=st.integers(0, 99))
    def read_deleted(self, pick: int) -> None:
        who, session = self.gone[pick % len(self.gone)]
        if self.step(f"{_name(who)} reads {self.told(session)}, which is deleted"):
            self.refused(who, "get_history", session)

    @precondition(lambda self: self.sessions and len(self.people) > 1)
    @rule(pick=st.integers(0, 99), verb=st.sampled_from(["get_history", "delete_session"]))
    def intrude(self, pick: int, verb: str) -> None:
        who, session, _ = self.sessions[pick % len(self.sessions)]
        if self.step(f"{_name(1 - who)} tries {verb.replace('_', ' ')} on {self.told(session)}, which is not theirs"):
            self.refused(1 - who, verb, session)

    def refused(self, who: int, verb: str, session: Session) -> None:
        reply = self.people[who].client.send(self.crew.contract.call(self.verb[verb], session.id))
        if reply.status not in (401, 403, 404):
            self.differ(self.verb[verb], "a refusal", str(reply))

    def told(self, session: Session) -> str:
        return f"session {self.made.index(session.id) + 1} ({session.id[:8]})"

    def teardown(self) -> None:
        self.trail.words = ""
        for who, session, _ in self.sessions if self.deletes else ():
            self.people[who].client.send(self.crew.contract.call(self.verb["delete_session"], session.id))


def test_the_server_agrees_after_any_sequence_of_steps(
    verification: Verification, crew: Crew, owner: Person, speaker: Person, check: Checker, verb: dict[str, str]
) -> None:
    others = [person for person in crew.people[1:2] if person.account.role != "admin"]
    if crew.api == OPENWEBUI:  # an API key may not say whether it is an administrator's
        others = [person for person in others if person.account.role is not None]

    class Machine(Conversations):
        pass

    Machine.crew, Machine.people, Machine.verb = crew, [owner, *others], verb
    Machine.trail = check.log.trail
    Machine.talks, Machine.taken, Machine.worst = speaker is owner, 0, None
    depth = verification.settings.depth
    Machine.most = MOST_STEPS[depth]
    bounded = settings(
        max_examples=RUNS[depth, crew.api],
        stateful_step_count=STEPS[depth],
        phases=[Phase.generate, Phase.shrink],
        **SETTINGS,
    )
    deletion = verb["delete_session"]
    Machine.deletes = all(may_delete(person, check, ("state-agrees", deletion)) for person in Machine.people)
    for operation in sorted(set(verb.values()) - {verb["get_model_info"], *(() if Machine.deletes else (deletion,))}):
        check.log.held("state-agrees", operation)
    try:
        run_state_machine_as_test(seed(verification.settings.seed)(Machine), settings=bounded)
    except (Disagreement, Flaky, FlakyFailure) as error:
        if Machine.shortest() is None:
            raise _met(error) or BudgetSpent("the same steps came out differently each time") from None
    found = Machine.shortest()
    if found is not None:
        taken = "; ".join(f"{number}. {words}" for number, words in enumerate(found.steps, 1))
        check.log.finding(
            "state-agrees",
            found.operation,
            found.expected,
            f"{found.received}, after: {taken}",
            f"after {found.operation}",
            way=found.calls,
        )


def _met(error: BaseException | None) -> BaseException | None:
    """What a step met that another try of the same steps did not: an answer of no use, or none."""
    if error is None or isinstance(error, (Unexpected, NoAnswer, BudgetSpent)):
        return error
    inside = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    return next((met for one in [*inside, error.__cause__, error.__context__] if (met := _met(one))), None)


def _name(who: int) -> str:
    return ("The first account", "The second account")[who]
