"""Changes to what is stored that are lost, go too far, or hit something else (Open WebUI)."""

from __future__ import annotations

from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import Fault, always, messages, put_messages, rows


class _RenamedIsEmpty:
    """A chat that was renamed shows no messages from then on."""

    def __init__(self) -> None:
        self.renamed: set[str] = set()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "updateChat" and answer.status == 200:
            if set(asked.document().get("chat") or {}) == {"title"}:
                self.renamed.add(asked.values[0])
        elif asked.operation == "getChat" and answer.status == 200 and asked.values[0] in self.renamed:
            answer.put(put_messages(await answer.document(), []))
        return answer


async def _unchanged(asked: Asked, behind: Behind) -> Answer:
    """The chat as it is, in place of changing it."""
    if not isinstance(asked.document().get("chat", {}), dict) or asked.token is None:
        return await behind.answer(asked)
    answer = await behind.call("getChat", asked.values[0], token=asked.token)
    return answer if answer.status == 200 else await behind.answer(asked)


async def _neighbour(asked: Asked, behind: Behind) -> Answer:
    """The message before the one that was meant is changed."""
    if asked.token is not None:
        document = await (await behind.call("getChat", asked.values[0], token=asked.token)).document()
        parents = {m.get("id"): m.get("parentId") for m in messages(document)}
        if parent := parents.get(asked.values[1]):
            return await behind.answer(asked.at((asked.values[0], parent), behind.contract))
    return await behind.answer(asked)


async def _finds_nothing(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.status == 200:
        answer.put([])
    return answer


async def _finds_everything(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.status == 200 and asked.token is not None:
        listed = await behind.call("listChats", token=asked.token, query={"page": 1})
        return listed if listed.status == 200 else answer
    return answer


class _FindsDeleted:
    """What was found once is found again for the same words, deleted or not."""

    def __init__(self) -> None:
        self.found: dict[tuple[str | None, str], dict[str, Any]] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation != "searchChats" or answer.status != 200:
            return answer
        document = await answer.document()
        known = self.found.setdefault((asked.token, asked.query.get("text", "")), {})
        known.update({row["id"]: row for row in rows(document)})
        answer.put(list(known.values()))
        return answer


FAULTS = [
    Fault("rename-empties", "durability", (OPENWEBUI,), "A chat that is renamed loses its messages.",
          ("update-keeps",), _RenamedIsEmpty),
    Fault("rename-lost", "durability", (OPENWEBUI,), "A new name is gone after a reload.",
          ("update-keeps",), always({"updateChat"}, _unchanged)),
    Fault("edit-lost", "durability", (OPENWEBUI,), "An edited message is as before after a reload.",
          ("edit-applies",), always({"editMessage"}, _unchanged)),
    Fault("edit-hits-another", "durability", (OPENWEBUI,), "An edit changes the message before the one that was meant.",
          ("edit-applies",), always({"editMessage"}, _neighbour)),
    Fault("removal-lost", "durability", (OPENWEBUI,), "A message that was removed is still there.",
          ("edit-applies",), always({"deleteMessage"}, _unchanged)),
    Fault("removal-hits-another", "durability", (OPENWEBUI,), "Removing a message removes the one before it.",
          ("edit-applies",), always({"deleteMessage"}, _neighbour)),
    Fault("search-finds-nothing", "listing", (OPENWEBUI,), "Search finds no chat at all.",
          ("search-finds",), always({"searchChats"}, _finds_nothing)),
    Fault("search-finds-everything", "listing", (OPENWEBUI,), "Search shows chats that do not hold the word.",
          ("search-finds",), always({"searchChats"}, _finds_everything)),
    Fault("search-finds-deleted", "listing", (OPENWEBUI,), "Search shows chats that were deleted.",
          ("search-finds",), _FindsDeleted),
]  # fmt: skip
