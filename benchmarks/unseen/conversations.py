"""What an upgrade, an import or another database made of what was said."""

from __future__ import annotations

from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, CHAT, HISTORY, Break, changed, conversing, messages, tree_of

from .noting import contents, fault, in_messages

OWUI = (OPENWEBUI,)


def _stuck(document: Any, _asked: Asked) -> Any:
    """The chat ends for ever with its first reply, whatever was said after it."""
    if len(said := messages(document)) > 2:
        tree_of(document)["currentId"] = said[1]["id"]
    return document


def _childless(document: Any, _asked: Asked) -> Any:
    for message in messages(document):
        if message.get("role") == "assistant":
            message["childrenIds"] = []
    return document


def _unlinked(document: Any, _asked: Asked) -> Any:
    """From the second turn on, questions have lost what they followed."""
    for message in messages(document)[2:]:
        if message.get("role") == "user":
            message["parentId"] = None
    return document


def _doubled(message: dict[str, Any]) -> None:
    if message["role"] == "assistant":
        message["content"] *= 2


def _rename_forgets() -> Break:
    """A change of the title throws away what was said until then."""
    lost: dict[str, set[str]] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        chat = asked.session or ""
        if asked.operation == "updateChat" and "history" not in (asked.document().get("chat") or {}):
            state = await (await behind.call("getChat", chat, token=asked.token)).document()
            lost.setdefault(chat, set()).update(str(message["id"]) for message in messages(state))
        answer = await behind.answer(asked)
        if asked.operation in HISTORY | CHAT and answer.status == 200 and chat in lost:
            document = await answer.document()
            tree = tree_of(document)
            kept = {key: one for key, one in (tree.get("messages") or {}).items() if key not in lost[chat]}
            tree |= {"messages": kept, "currentId": tree.get("currentId") if tree.get("currentId") in kept else None}
            answer.put(document)
        return answer

    return breaking


def _edit_not_kept() -> Break:
    """The edit is in the answer, and nowhere else."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        if asked.operation != "editMessage":
            return await behind.answer(asked)
        answer = await behind.call("getChat", asked.values[0], token=asked.token)
        document = await answer.document()
        message = (tree_of(document).get("messages") or {}).get(asked.values[1]) if answer.status == 200 else None
        if message is None or "content" not in asked.document():
            return await behind.answer(asked)
        message["content"] = asked.document()["content"]
        answer.put(document)
        return answer

    return breaking


FAULTS = [
    fault("ends-at-the-first-reply", "durability", OWUI,
          "A long chat shows the first turn only, although the export has all of it.",
          "https://github.com/open-webui/open-webui/issues/27618",
          changed(HISTORY, _stuck)),
    fault("replies-without-children", "durability", OWUI,
          "After a reload, changing to another branch hides all later turns.",
          "https://github.com/open-webui/open-webui/issues/29299",
          changed(HISTORY, _childless)),
    fault("turns-unlinked", "durability", OWUI,
          "After a reload my chat begins with its last question.",
          "https://github.com/open-webui/open-webui/issues/29216",
          changed(HISTORY, _unlinked)),
    fault("last-four-messages", "durability", BOTH,
          "Of my ten turns the chat shows the last two.",
          "https://github.com/open-webui/open-webui/issues/13113",
          conversing(lambda said: said[-4:])),
    fault("replies-doubled", "durability", BOTH,
          "Every stored reply stands there twice, one directly after the other.",
          "https://github.com/open-webui/open-webui/issues/20286",
          in_messages(_doubled)),
    fault("messages-of-4000", "durability", BOTH,
          "My long prompts end in the middle of a word when I reopen the chat.",
          "imagined (VARCHAR(4000))",
          contents(lambda text: text[:4000])),
    fault("content-in-parts", "shape", BOTH,
          "My export script prints [{'type': 'text', ...}] instead of what was said.",
          "imagined (messages imported in the format of another product)",
          in_messages(lambda one: one.update(content=[{"type": "text", "text": one["content"]}]))),
    fault("never-done", "stream", OWUI,
          "Old chats open with a reply that seems to be written still, for ever.",
          "https://github.com/open-webui/open-webui/issues/12586",
          in_messages(lambda one: one.update(done=False) if one.get("role") == "assistant" else None)),
    fault("rename-forgets-all", "durability", OWUI,
          "I gave a chat another name and its messages are gone.",
          "https://github.com/open-webui/open-webui/pull/25657",
          _rename_forgets),
    fault("edit-not-kept", "durability", OWUI,
          "I correct a message, see the correction, reload, and the old text is back.",
          "imagined",
          _edit_not_kept),
]  # fmt: skip
