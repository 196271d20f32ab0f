"""The journey `completions`: prompts that are streamed and stored nowhere, as scripts and other programs ask them."""

from __future__ import annotations

from load.delivery import Delivery, read
from load.integrity import Said
from load.part import Part
from load.prompts import Nonce, nonces, prompt
from seatrial.completions import Form, completion
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.samples import Integrity


def completions(part: Part) -> Integrity:
    """As many streams as a session has turns. A reply that carries only somebody else's nonce was meant for them."""
    visit, foreign, echoed, told = part.visit, 0, 0, []
    for turn in range(1, visit.turns + 1):
        if not part.pause():
            break
        nonce = Nonce(visit.marker, visit.key, turn)
        text = prompt(nonce)
        visit.said.append(Said(text))
        delivery = _streamed(part, text, nonce)
        if delivery is None or delivery.ended != "done":
            continue
        visit.said[-1] = Said(text, delivery.text)
        heard = nonces(delivery.text)
        echoed += nonce in heard
        if heard and nonce not in heard:
            foreign += 1
            told.append(f"foreign: the reply of turn {turn} was meant for session {heard[0].session}")
    refused = sum(one.reply is None for one in visit.said)
    return Integrity(
        part.now(), visit.key, len(visit.said), 0, refused, 0, 0, 0, 0, foreign, 0, True,
        detail="; ".join(told[:3]), echoed=echoed,
    )  # fmt: skip


def _streamed(part: Part, text: str, nonce: Nonce) -> Delivery | None:
    call = part.contract.call("createChatCompletion", json=completion(Form.STREAM, part.model, text))
    try:
        streamed = part.line.stream(call)
    except NoAnswer as failure:
        part.line.turned("sse", "refused", failure.seconds * 1000, nonce=str(nonce))
        return None
    delivery = read(streamed)
    whole = delivery.ended == "done"
    ended = "empty" if whole and not delivery.text.strip() else delivery.ended
    useless = None if ended == "done" else Unexpected(streamed.reply, "a whole stream", f"{ended}: {delivery.why}")
    part.line.settle(useless)
    part.line.turned("sse", ended, delivery.ms, delivery.first, delivery.gaps, str(nonce))
    return delivery if ended == "done" else None
