"""Who works on the target in a run: mustered at its start, paid off at its end.

    with Crew.muster(settings, folder, people=2) as crew:
        crew.people[0].actor.create_session("[marker] first")

Both suites use it, so that accounts are made, named, recorded and removed in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from seatrial.accounts import (
    choose_model,
    demand_deletion,
    demand_storing,
    given_accounts,
    throwaway,
    usual_model,
    with_rights,
)
from seatrial.actor import Actor, verbs_for
from seatrial.cleaning import Cleaner, Progress
from seatrial.client import Again, Client, Gate, Listener, tls_context
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected, repeated
from seatrial.ledger import LEDGER, Ledger
from seatrial.markers import new_marker
from seatrial.openwebui import OpenWebUIVerbs
from seatrial.probe import Deployment, probe
from seatrial.settings import Settings
from seatrial.target import ANONYMOUS, STRANGER, Account, Target
from seatrial.verbs import VERB_OPERATIONS, Verbs


@dataclass
class Person:
    """An account at work: its client, and the verbs as its actor."""

    account: Account
    client: Client
    actor: Actor


class Crew:
    """The people of a run, the contract as their target's release keeps it, and the ledger of what they make."""

    def __init__(self, target: Target, deployment: Deployment, contract: Contract, ledger: Ledger, marker: str) -> None:
        self.target, self.deployment, self.contract = target, deployment, contract
        self.ledger, self.marker = ledger, marker
        self.people: list[Person] = []
        self.given: list[Person] = []
        self.admin: Person | None = None
        self._strangers: dict[str, Account] = {}
        self._clients: list[Client] = []
        self._prefix = ""
        self._rights: Account | None = None
        self.speaker: Person | None = None
        self.model: str | None = None
        self.unreadable: Unexpected | None = None
        """The list of models as it was answered, where no verb can use it."""
        self.notes: list[str] = []
        self.before: list[Gate] = [ledger.before]
        self.listeners: list[Listener] = [ledger.after]
        self.again: Again | None = None
        """Has refused calls sent once more; see `seatrial.client`."""
        self.patience: dict[str, float] = {}
        """Seconds that the answer of an operation may take, where that is longer than the target's timeout."""
        self._tls = tls_context(target) if target.url.startswith("https") else None

    @classmethod
    def muster(
        cls,
        settings: Settings,
        folder: Path,
        *,
        people: int,
        listeners: Sequence[Listener] = (),
        again: Again | None = None,
        progress: Progress | None = None,
        marker: str = "",
        part: int = 0,
    ) -> Crew:
        """Find out what the target is, check the accounts given, and make throwaway ones with an administrator.

        `part` is the number (from 1) of one of several crews of a run whose `marker` they share; each has a ledger and
        a marker of its own, which begins with it, so that one does not remove what another still works with.
        Raises `WrongUse` and `Inconclusive`; what was made until then is removed.
        """
        target = settings.target()
        whole = Contract.load(settings.contract)
        with Client(target, settings.visitor) as client:
            deployment = probe(client, whole, settings.api)
        target = Target(target.url, deployment.api, target.headers, target.ca_file, target.timeout, deployment.version)
        contract = whole.at(deployment.version)
        ledger = Ledger(folder / (f"ledger-{part:02}.jsonl" if part else LEDGER))
        crew = cls(target, deployment, contract, ledger, (marker or new_marker()) + (f"{part:02}" if part else ""))
        crew._prefix = f"{part}." if part else ""
        crew.listeners += listeners
        crew.again = again
        try:
            crew._enlist(settings, people, progress)
        except BaseException:
            crew.pay_off()
            raise
        return crew

    @property
    def api(self) -> str:
        return self.deployment.api

    def speakers(self) -> list[Person]:
        """Who takes part in a load: everyone, or the one who sees a model where ordinary accounts see none."""
        if self.speaker is None or self.speaker is self.people[0]:
            return self.people
        self.notes[:] = [f"ordinary accounts see no model: all sessions ran as {self.speaker.account.label}"]
        return [self.speaker]

    def title(self, text: str = "") -> str:
        """A chat's title that carries the run's marker."""
        return f"[{self.marker}] {text}".rstrip()

    def connect(self, account: Account) -> Client:
        """A client as an account, heard by the ledger and the run's listeners."""
        return Client(
            self.target,
            account,
            tls=self._tls,
            before=self._gate,
            on_exchange=self._hear,
            again=self._repeat,
            patience=self.patience,
        )

    def person(self, account: Account) -> Person:
        """Somebody at work as an account, on a connection of their own, which ends when the crew is paid off."""
        client = self.connect(account)
        self._clients.append(client)
        return Person(account, client, Actor(self._verbs(), client.send))

    def _verbs(self) -> Verbs:
        patience = self.patience.get(VERB_OPERATIONS[self.api]["send_message"], self.target.timeout)
        return verbs_for(self.api, self.contract, self.model, patience)

    def be_patient(self, operations: Iterable[str], seconds: float) -> None:
        """From now on answers of these operations may take as long, and so may turns in the background."""
        self.patience.update(dict.fromkeys(operations, seconds))
        for person in {id(one): one for one in (*self.people, *self.given, self.admin) if one}.values():
            if isinstance(person.actor.verbs, OpenWebUIVerbs):
                person.actor.verbs.patience = seconds

    def _gate(self, account: Account, call: Call) -> None:
        for gate in self.before:
            gate(account, call)

    def _repeat(self, account: Account, reply: Reply, number: int) -> float | None:
        return self.again(account, reply, number) if self.again else None

    def _hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        for listener in self.listeners:
            listener(account, call, outcome)

    def _enlist(self, settings: Settings, people: int, progress: Progress | None) -> None:
        accounts, admin = given_accounts(settings, self.contract, self.connect)
        self.given = [self.person(account) for account in accounts]
        if admin is not None:
            self.admin = self.person(admin)
            for number in range(1, people + 1):
                self.another()
                if progress:
                    progress(number, people)
        elif self.given:
            demand_deletion(accounts)
            for person in self.given:
                demand_storing(person.client, person.account, self.contract, self.title("kept"))
            keeping = [account.email or account.label for account in accounts if not account.deletes]
            self.notes += [f"{who} may not delete chats: an administrator has to remove what stays" for who in keeping]
            self.people = self.given
        elif self.api == SESSIONS:
            self.people = [self.person(Account("everyone", disposable=settings.disposable))]
        else:
            raise WrongUse(
                f"{self.target.url} is an Open WebUI and asks for credentials: give --admin, or --account or --token "
                "(SEATRIAL_ADMIN, SEATRIAL_ACCOUNT, SEATRIAL_TOKEN)"
            )
        if self.api == SESSIONS:
            self._know_sessions()
        if self.api == OPENWEBUI:
            self._choose_speaker(settings.model)
        elif settings.model:
            visible = self._visible(self.people[0])
            self.model = None if self.unreadable else choose_model(visible, settings.model, "the Session API")

    def another(self) -> Person | None:
        """One more throwaway account; None without an administrator."""
        if self.admin is None:
            return None
        label = f"throwaway {self._prefix}{len(self.people) + 1}"
        account = throwaway(self.admin.client, self.contract, self.marker, label)
        if self._rights is None:  # once: all of them are made alike
            with self.connect(account) as client:
                self._rights = with_rights(client, self.contract)
                demand_storing(client, self._rights, self.contract, self.title("kept"))
            if not self._rights.deletes:
                self.notes.append("people may not delete their chats here; those of throwaway accounts go with them")
        self.people.append(self.person(replace(account, deletes=self._rights.deletes, stores=self._rights.stores)))
        return self.people[-1]

    def _know_sessions(self) -> None:
        """Sessions have no room for a marker: one whose creation is never answered is found by what was there."""
        for person in self.people:
            with suppress(Unexpected, NoAnswer):  # the tests will tell
                listed = repeated(person.actor.list_sessions)
                self.ledger.found(person.account.label, [session.id for session in listed])

    def _choose_speaker(self, wanted: str | None) -> None:
        """The first person who sees the model wanted, or any; a new installation shows none to ordinary accounts."""
        others = [*self.given, *([self.admin] if self.admin else [])]
        # Beside an administrator, somebody who may not delete their chats would keep what they said.
        able = [person for person in others if person.account.deletes or person.account.disposable]
        seen: dict[str, None] = {}
        for person in [self.people[0], *(person for person in able if person is not self.people[0])]:
            visible = self._visible(person, hidden=wanted is not None)
            seen |= dict.fromkeys(visible)
            if wanted in visible if wanted else visible:
                self.model, self.speaker = wanted or usual_model(person.client, self.contract, visible), person
                break
        else:
            if self.unreadable:
                return
            who = "the accounts given" if self.admin is None else "the administrator or an ordinary account"
            self.model = choose_model(list(seen), wanted, who)
        if self.speaker is not self.people[0] and self.speaker is not None:
            self.notes.append(
                f"ordinary accounts see no model: what needs one ran as {self.speaker.account.label}, "
                "in chats of its own, and generated completions were skipped"
            )
        for person in [*self.people, *others]:
            person.actor = Actor(self._verbs(), person.client.send)

    def _visible(self, person: Person, *, hidden: bool = False) -> list[str]:
        """The models that somebody sees, without those that are offered to nobody unless the user names one."""
        try:
            return [model.id for model in person.actor.get_model_info() if hidden or not model.hidden]
        except Unexpected as error:
            self.unreadable = error
            return []
        except NoAnswer as failure:
            raise Inconclusive(f"{self.target.url} does not answer: {failure.reason}") from None

    def pay_off(self, progress: Progress | None = None) -> list[str]:
        """Remove what the run made, and close all connections. Returns what is left, one line each."""
        # A target that let strangers in holds what they made.
        strangers = [self.person(account) for account in self._strangers.values()]
        everyone = [*strangers, *self.people, *self.given, *([self.admin] if self.admin else [])]
        cleaner = Cleaner(
            self.ledger,
            self.contract,
            {person.account.label: person.client for person in everyone},
            next((p.client for p in (self.admin, *self.given) if p and p.account.role == "admin"), None)
            or (self.admin.client if self.admin else None),
            self.marker,
            frozenset(person.account.label for person in self.people if person.account.throwaway),
            bool(self.people) and all(person.account.disposable for person in self.people),
        )
        left = cleaner.clean(progress)
        for client in self._clients:
            client.close()
        self.ledger.close()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pay_off()

    def stranger(self, token: str | None = None) -> Person:
        """Somebody without an account: no credentials, or the ones given."""
        account = Account(STRANGER, token) if token else ANONYMOUS
        self._strangers[account.label] = account
        return self.person(account)
