"""The journey `browser`: what the web app does for somebody who opens it, chats, looks at the list and deletes.

Replies come over Socket.IO, as they are made. Where the socket falls silent the task of the reply is asked for, and a
socket that is lost is opened again, once for each loss; both as the web app does.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from load.delivery import Delivery, Told, heard
from load.integrity import Said
from load.journeys.session import check, delete, verdict
from load.part import Part, Refused, Socket
from load.prompts import Nonce, prompt
from load.telling import Heard, compare_told
from seatrial.completions import Form, completion, new_id
from seatrial.exchange import NoAnswer, Reply, Unexpected
from seatrial.reading import items, member, success
from seatrial.samples import Integrity
from seatrial.verbs import Session

QUIET = 5.0
"""Seconds without a word of a reply after which its task is asked for."""

LAST_WORDS = 2.0
"""Seconds that the socket gets to say the end of a reply whose task is over."""

RECONNECT = 1.0
"""Seconds before a lost socket is opened again, and between looks at the task it left; the web app's first pause."""


def browser(part: Part) -> Integrity:
    """Config, models, list, socket; turns; the history, the list again; the chat is deleted.

    An app that does not open is a refused session. Everything after that is accounted for as in `session`, and the
    text that the socket told is held to the text that is stored.
    """
    actor, visit, tab = part.actor, part.visit, Tab(part)
    try:
        try:
            tab.open()
            chat = actor.create_session(visit.title)
        except Refused as error:
            why = f"not opened: {error}"
            return Integrity(part.now(), visit.key, 0, 0, 1, 0, 0, 0, 0, 0, 0, deleted=True, detail=why)
        tab.converse(chat)
        checked = check(
            lambda: compare_told(visit.said, tab.heard, actor.get_history(chat.id), visit.marker, visit.key), part.sleep
        )
        tab.list_chats()
        deleted, trouble = delete(part, chat.id)
        return verdict(visit, part.now(), checked, deleted, "; ".join(filter(None, (*tab.told[:3], trouble))))
    finally:
        tab.close()


class Tab:
    """The web app in a tab of a browser. `heard` are the replies told to their end, by turn; `told` what went wrong."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.heard: dict[int, Heard] = {}
        self.told: list[str] = []
        self._socket: Socket | None = None

    def open(self) -> None:
        """Raises `Unexpected` and `NoAnswer` where the app would show nothing."""
        self._ask("getConfig")
        self.part.actor.get_model_info()
        self._page()
        try:
            self._socket = self.part.line.listen()
        except NoAnswer:
            self.part.sleep(RECONNECT)
            self._socket = self.part.line.listen()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.leave()

    def list_chats(self) -> None:
        """The list at the left, once more."""
        try:
            self._page()
        except Refused as error:
            self.told.append(f"not listed: {error}")

    def converse(self, chat: Session) -> None:
        """Turn after turn, until one may still be running, which would overtake the next."""
        part, here = self.part, chat
        for turn in range(1, part.visit.turns + 1):
            if not part.pause() or not self._is_connected(turn):
                return
            assistant = new_id()
            try:
                ended = self._turn(here, turn, assistant)
            except Unexpected:
                continue
            except NoAnswer:
                return
            if ended == "deadline" or (ended == "aborted" and not self._caught_up(chat, turn)):
                return
            here = replace(here, tip=assistant)

    def _turn(self, here: Session, turn: int, assistant: str) -> str:
        """How a turn ended, as `seatrial.samples.Turned` says it. Raises where it was not even begun."""
        line, socket, visit = self.part.line, self._socket, self.part.visit
        assert socket is not None
        nonce = Nonce(visit.marker, visit.key, turn)
        visit.said.append(Said(prompt(nonce)))
        told = socket.expect(assistant)
        try:
            reply = self._send(here, prompt(nonce), assistant, socket.id)
        except NoAnswer:
            line.turned("socket", "refused", (socket.now() - line.left) * 1000, nonce=str(nonce))
            raise
        except Unexpected as refusal:
            line.turned("socket", "refused", refusal.reply.seconds * 1000, nonce=str(nonce))
            raise
        left, settle = line.left, line.defer()
        delivery = self._listen(socket, told, here, left)
        useless = Unexpected(reply, "a whole reply over the socket", f"{delivery.ended}: {delivery.why}")
        settle(None if delivery.ended == "done" else useless)
        line.turned("socket", delivery.ended, delivery.ms, delivery.first, delivery.gaps, str(nonce))
        if delivery.ended == "done":
            visit.said[-1] = Said(prompt(nonce), delivery.text)
            self.heard[turn] = Heard(assistant, told.delivered.texts)
        return delivery.ended

    def _send(self, here: Session, text: str, assistant: str, socket_id: str) -> Reply:
        body = completion(
            Form.BACKGROUND, self.part.model, text, session=here, assistant_id=assistant, socket_id=socket_id
        )
        # What the web app wishes for unless its user has switched it off; whether it is done, the deployment decides.
        first = {"title_generation": True, "tags_generation": True} if here.tip is None else {}
        body["background_tasks"] = first | {"follow_up_generation": True}
        reply = self.part.actor.send(self.part.contract.call("createChatCompletion", json=body))
        try:
            member(reply, success(reply), "task_ids", list)
        except Unexpected as error:
            self.part.line.settle(error)
            raise
        return reply

    def _listen(self, socket: Socket, told: Told, here: Session, left: float) -> Delivery:
        until, is_running = left + self.part.line.patience, True
        while is_running and not socket.wait(told, QUIET, until):
            try:
                is_running = self._is_running(here)
            except Refused:  # nothing is known of it; the deadline ends this
                continue
        if not is_running:
            socket.wait(told, math.inf, min(until, socket.now() + LAST_WORDS))
        return heard(told, left, socket.now(), socket.ended, is_running)

    def _is_connected(self, turn: int) -> bool:
        """Whether there is a socket; one that is lost is opened again."""
        assert self._socket is not None
        if not self._socket.ended:
            return True
        self.told.append(f"at turn {turn}: {self._socket.ended}")
        self._socket.leave()
        self.part.sleep(RECONNECT)
        try:
            self._socket = self.part.line.listen()
        except NoAnswer as error:
            self.told.append(f"not reconnected: {error.reason}")
            return False
        return True

    def _caught_up(self, chat: Session, turn: int) -> bool:
        """After a loss: whether the reply is complete. The app then shows it as it is stored."""
        if not self._is_connected(turn):
            return False
        try:
            for _ in range(math.ceil(self.part.line.patience / RECONNECT)):
                if not self._is_running(chat):
                    self.part.actor.get_history(chat.id)
                    return True
                self.part.sleep(RECONNECT)
        except Refused as error:
            self.told.append(f"not caught up: {error}")
        return False

    def _is_running(self, chat: Session) -> bool:
        return bool(self._ask("listChatTasks", chat.id, within="task_ids"))

    def _page(self) -> None:
        """The first page of the list, which is what the app shows."""
        self._ask("listChats", query={"page": 1}, within="")

    def _ask(self, operation: str, *values: str, within: str | None = None, **more: Any) -> Any:
        """What an operation answers; the list `within` it ("": the answer itself), where one is due."""
        reply = self.part.actor.send(self.part.contract.call(operation, *values, **more))
        try:
            answer = success(reply)
            if within is not None:
                answer = items(reply, member(reply, answer, within, list) if within else answer)
        except Unexpected as error:
            self.part.line.settle(error)
            raise
        self.part.line.settle()
        return answer
