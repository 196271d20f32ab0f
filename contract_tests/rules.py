"""The rules: what the suite holds a deployment to.

Each has a stable id, a title, one sentence on what a user would notice, and the severity of its findings.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.records import Severity

BOTH = (SESSIONS, OPENWEBUI)


@dataclass(frozen=True, slots=True)
class Rule:
    """`apis` are those on which the rule can be checked at all."""

    id: str
    title: str
    notice: str
    severity: Severity = "break"
    apis: tuple[str, ...] = BOTH


GROUPS: dict[str, list[Rule]] = {
    "Conformance": [
    Rule("valid-use", "Valid use is answered", "Something that people do every day fails."),
    Rule("no-answer", "Every request is answered", "The page hangs, or the connection breaks."),
    Rule("answer-conforms", "Answers keep the contract", "Apps and scripts that read the answer break."),
    Rule("status-documented", "Refusals are documented", "A script meets a refusal that it was not told of.", "drift"),
    Rule("valid-input-accepted", "What the contract allows is accepted", "A correct request is refused."),
    Rule("refusal-conforms", "Refusals keep the contract", "A script cannot read why it was refused.", "defect"),
    Rule("release-known", "The release is one that the contract knows", "Nothing yet; the contract may be behind.",
             "drift", apis=(OPENWEBUI,)),
    ],
    "Lifecycle and durability": [
    Rule("history-content", "A history holds what was said", "Messages are lost, doubled or changed."),
    Rule("history-order", "A history is in the order in which it was said", "The conversation reads scrambled."),
    Rule("history-links", "Messages link up", "The web app shows an empty or broken conversation.", apis=(OPENWEBUI,)),
    Rule("history-durable", "Reading again gives the same", "What was there a moment ago is different or gone."),
    Rule("text-intact", "Text comes back as it was sent", "Emoji, Arabic or code come back damaged or cut."),
    Rule("title-intact", "Titles come back as they were sent", "Chats carry wrong names in the list.", apis=(OPENWEBUI,)),
    Rule("list-complete", "The list holds every session", "A conversation is missing from the list, or shown twice."),
    Rule("list-order", "The list is newest first", "The latest conversation is not on top."),
    Rule("list-pages", "Pages neither repeat nor skip", "Scrolling down, chats are missing or come twice.", apis=(OPENWEBUI,)),
    Rule("deleted-gone", "What was deleted is gone", "A deleted conversation is still there."),
    Rule("siblings-stay", "Deleting one leaves the others", "Deleting one conversation takes another along."),
    Rule("prompt-unstored", "A prompt without a session is stored nowhere", "Conversations appear that nobody started."),
    Rule("update-keeps", "Changing one thing keeps the rest", "Renaming a chat loses its messages.", apis=(OPENWEBUI,)),
    Rule("edit-applies", "Editing a message changes that message", "An edit is lost, or hits another message.", apis=(OPENWEBUI,)),
    Rule("search-finds", "Search finds what is there, and only that", "Search misses a chat, or shows a deleted one.",
         apis=(OPENWEBUI,)),
    Rule("state-agrees", "After any sequence of steps the server agrees", "Conversations mix, vanish or come back."),
    Rule("parallel-kept", "What is done at once is all kept", "Of two things done at the same moment one is lost."),
    Rule("model-named", "The model that answers is named", "People cannot see or choose the model."),
    ],
    "Time and numbers": [
    Rule("times-right", "Times are epoch seconds, and true", "Chats are from the year 57000, or from in two hours."),
    Rule("clock-agrees", "The deployment's clock is right", "Everything is dated wrongly.", "drift"),
    Rule("usage-adds-up", "Counts of tokens add up", "Bills and quotas are wrong.", apis=(OPENWEBUI,)),
    ],
    "Replicas": [
    Rule("answers-agree", "Asking again on a new connection gives the same answer",
         "Reloading shows now this, now that: servers behind one address do not agree."),
    ],
    "Streams": [
    Rule("stream-type", "A stream is served as one", "Replies do not appear while they are written.", apis=(OPENWEBUI,)),
    Rule("stream-framing", "Events are well formed", "Replies come garbled, doubled or not at all.", apis=(OPENWEBUI,)),
    Rule("stream-finish", "A stream finishes once and ends with [DONE]", "Clients wait for ever, or cut the reply.",
         apis=(OPENWEBUI,)),
    Rule("stream-text", "The streamed text is the whole reply", "Streamed replies lose or repeat words.", apis=(OPENWEBUI,)),
    Rule("stream-live", "Tokens arrive as they are made", "Nothing happens, then the reply appears at once.", "drift",
         apis=(OPENWEBUI,)),
    Rule("turn-stored", "A turn is stored in every form of request", "A reply was there, and is gone after a reload.",
         apis=(OPENWEBUI,)),
    Rule("turn-delivered", "What is shown is what is stored", "The reply changes after a reload.", apis=(OPENWEBUI,)),
    Rule("stop-stops", "A reply that is stopped ends", "The Stop button does nothing.", apis=(OPENWEBUI,)),
    ],
    "Access": [
    Rule("anonymous-refused", "Without credentials nothing that is somebody's is given", "Anybody can read along."),
    Rule("wrong-credentials-refused", "Wrong credentials are refused", "Anybody can read along."),
    Rule("other-cannot-read", "Nobody reads what is somebody else's", "Colleagues read each other's conversations."),
    Rule("other-cannot-list", "Nobody is shown what is somebody else's", "Other people's conversations are in the list."),
    Rule("other-cannot-write", "Nobody changes what is somebody else's", "Colleagues change each other's conversations."),
    Rule("other-cannot-delete", "Nobody deletes what is somebody else's", "Colleagues delete each other's conversations."),
    Rule("administration-closed", "Ordinary accounts cannot administer", "Anybody can add or remove accounts.",
         apis=(OPENWEBUI,)),
    Rule("owner-unharmed", "After a refused try the owner's copy is unchanged", "Conversations change without their owner."),
    ],
    "Errors": [
    Rule("bad-input-refused", "Bad input is refused with a 4xx", "Mistakes pass unnoticed and are stored.", "defect"),
    Rule("no-server-error", "Bad input is no server error", "A mistake ends in Internal Server Error.", "defect"),
    Rule("bad-input-harmless", "Bad input harms nothing", "After one odd request an account stays unusable."),
    Rule("missing-refused", "What does not exist is refused", "A page that is not there looks like one that is."),
    Rule("no-internals", "Errors show no stack trace", "Error pages show the server's insides.", "defect"),
    Rule("no-secrets", "No answer carries a secret", "Tokens or password hashes can be read by others."),
    ],
}  # fmt: skip
"""In the order in which a report and the page of rules show them."""

RULES = {rule.id: rule for rules in GROUPS.values() for rule in rules}
