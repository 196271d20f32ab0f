"""What the suite saw: every exchange, what departs from the contract in it, and the findings of the tests.

The log hears each answer (`hear`) whoever asked for it: it counts statuses, holds the answer to the
contract with the second validator, and looks for secrets. Tests add findings with `finding`.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from contract_tests.rules import RULES
from contract_tests.trail import Step, Trail, curl, told
from seatrial.completions import form_of
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.known import Acceptance
from seatrial.measuring import enough, nearest
from seatrial.records import OUTSIDE, Check, Finding, Seen, Severity, Skip, now
from seatrial.schemas import place_of
from seatrial.secrecy import Secrets
from seatrial.target import Account

FAILED_USE = ("valid-use", "valid-input-accepted", "no-answer")
"""Rules by which a completion's form of request tells two faults apart: one form may work and another fail."""

OVERLOADED = (503,)
"""What a server may say to somebody who asks for much at once."""

MOST_PLACES, MOST_TOLD = 50, 20
"""Places where one rule is broken by one operation, and lines of a test; what comes beyond is counted with the last."""

MOST_TEXT = 20_000
"""Characters of what was expected and received before secrets are masked in it."""

_TRACE = re.compile(
    rb'Traceback \(most recent call last\)|File \\?"[^"\n]+", line \d+|sqlalchemy\.exc|psycopg2?\.errors|sqlite3\.'
    rb"|\[SQL: |at [\w$.]+\([\w$]+\.(?:java|kt|js|ts):\d+"
)
_HASH = re.compile(rb"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{50,}|\$argon2id?\$v=")
_COOKIE = re.compile(r"(?:^|[,;\s])token=[^;,\s]")
_TELLS_TOKENS = {"signIn", "addUser", "getCurrentUser", "createApiKey", "getApiKey"}


class Log:
    """Collects findings (one per rule, operation and instance), checks, skips and statuses."""

    def __init__(
        self,
        contract: Contract,
        target_url: str,
        acceptance: Acceptance,
        hidden: Iterable[str] = (),
        headers: Iterable[str] = (),
        *,
        strict: bool = False,
    ) -> None:
        """`hidden` is masked in all that is recorded, as tokens are; `headers` go with every request.

        With `strict` drift fails the test that meets it, as it fails the run.
        """
        self._strict = strict
        self._headers = tuple(headers)
        self.contract, self.url, self.acceptance = contract, target_url, acceptance
        self.findings: dict[tuple[str, str, str, str], Finding] = {}
        self.skips: dict[tuple[str, str], str] = {}
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self.seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.requests = 0
        self._reading = threading.RLock()
        self.failures_of_test: list[str] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[tuple[str, str]] = Counter()
        self.trail = Trail()
        self._secrets = Secrets(hidden)
        self.notes: list[str] = []
        self._provoking = False
        self.test = OUTSIDE
        self.excuses: Callable[[Reply], bool] = lambda _: False
        """Whether somebody else than the deployment refused what was asked."""

    # What the suite asked and was answered

    def hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        """Listen to one exchange; see `seatrial.client`. Of answers that come at once, one is read at a time."""
        with self._reading:
            self._hear(account, call, outcome)

    def _hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        self.requests += 1
        self._secrets.hear(account, call)
        self.trail.hear(account, call, outcome, self._provoking)
        if isinstance(outcome, NoAnswer):
            return
        self.statuses[call.operation][outcome.status] += 1
        if outcome.cut is None:  # else its last byte never came
            self.seconds[call.operation, outcome.status].append(outcome.seconds)
        if call.operation in _TELLS_TOKENS:
            self._secrets.given_by(outcome)
        self._conforms(account, outcome)
        self._leaks(account, outcome)

    @contextmanager
    def provoking(self) -> Iterator[None]:
        """While bad input is sent: a server error is a defect here, not the failure of valid use."""
        self._provoking, before = True, self._provoking
        try:
            yield
        finally:
            self._provoking = before

    @property
    def is_provoking(self) -> bool:
        """Whether bad input is being sent."""
        return self._provoking

    def start(self, test: str) -> None:
        """A new test begins: its trail is its own."""
        self.test = test
        self.trail.start()

    def _conforms(self, account: Account, reply: Reply) -> None:
        operation = reply.call.operation
        if reply.status >= 500:
            rule = "no-server-error" if self._provoking else "valid-use"
            self.held(rule, operation)
            if self._provoking or reply.status not in OVERLOADED:
                expected = "a 4xx" if self._provoking else "an answer"
                self.finding(rule, operation, expected, str(reply), f"status {reply.status}", reply, account)
            return
        self.held("answer-conforms", operation)
        for fault in self.contract.violations(reply):
            rule = self._broken_by(account, reply, fault.kind)
            where = fault.where if fault.kind in ("status", "content-type") else f"{reply.status} {fault.where}"
            self.finding(rule, operation, fault.expected, fault.received, where, reply, account)

    def _broken_by(self, account: Account, reply: Reply, kind: str) -> str:
        """The rule that an answer breaks which is not as the contract says; `kind` is what of it is not."""
        if 300 <= reply.status < 400:
            # What stands in front may send strangers to a sign-in page.
            away = "status-documented" if account.token is None else "answer-conforms"
            return "bad-input-refused" if self._provoking else away
        if reply.status < 400:
            return "answer-conforms"
        # A proxy refuses with pages of its own: for strangers, and for what it takes for an attack.
        pages = kind == "content-type" and (self._provoking or account.token is None)
        return "status-documented" if kind == "status" or pages else "refusal-conforms"

    def _leaks(self, account: Account, reply: Reply) -> None:
        operation, body = reply.call.operation, reply.body  # as bytes: it may be megabytes
        shown = " ".join(value for name, value in reply.headers.items() if name != "set-cookie")
        if reply.status >= 400 and (found := _TRACE.search(body)):
            trace = found.group()[:300].decode("utf-8", "replace")
            self.finding("no-internals", operation, "an error without a stack trace", trace, "body", reply, account)
        if _HASH.search(body):
            self.finding(
                "no-secrets", operation, "no password hash", "a password hash in the body", "body", reply, account
            )
        if operation in _TELLS_TOKENS:
            return
        cookie = reply.headers.get("set-cookie", "").replace(account.token or "\0", "")
        if self._secrets.told_in(cookie, b"") or (account.token is None and _COOKIE.search(cookie)):
            self.finding(
                "no-secrets", operation, "no cookie that signs somebody in", "a token that is not one's own",
                "header: set-cookie", reply, account,
            )  # fmt: skip
        if self._secrets.told_in(shown, body):
            self.finding("no-secrets", operation, "no token", "an account's token", "answer", reply, account)

    # What the tests say

    def held(self, rule: str, operation: str) -> None:
        """A rule looked at an operation once more."""
        self._counts[rule, operation] += 1

    def finding(
        self,
        rule: str,
        operation: str,
        expected: str,
        received: str,
        where: str,
        reply: Reply | None = None,
        account: Account | None = None,
        severity: Severity | None = None,
        call: Call | None = None,
        calls: Sequence[Call] = (),
        way: Sequence[Step] | None = None,
    ) -> None:
        """Record a departure. The same rule, operation and instance is one finding, counted.

        `calls` are the requests that may have brought it about, where it is more than the last one; `way` are the
        steps to it, where those of the whole test are too many.
        """
        if rule in FAILED_USE and reply is not None and self.excuses(reply):
            return
        spec = RULES[rule]
        shown = call or (reply.call if reply else None)
        call = shown or self.trail.last(operation)
        account = account or self.trail.sender(call)
        where = place_of(where)
        form = form_of(call.json) if call is not None and call.operation == "createChatCompletion" else ""
        if form and rule in FAILED_USE:
            where = f"{where}, {form}"
        found = Finding(
            rule=rule,
            severity=severity or spec.severity,
            operation=operation,
            title=spec.title,
            notice=spec.notice,
            expected=self._secrets.masked(expected[:MOST_TEXT])[:2000],
            received=self._secrets.masked(received[:MOST_TEXT])[:2000],
            where=where,
            curl=self._secrets.masked(curl(self.url, call, account, self._headers)) if call else "",
            account=account.label if account else "",
            at=now(),
            id=f"{rule}:{operation}:{where}",
            form=form,
            test=self.test,
            after_requests=self.requests,
        )
        found = replace(
            found,
            known=self.acceptance.known(found, calls or ([call] if call else [])),
            waived=self.acceptance.waived(found),
            before=self.acceptance.before(found),
        )
        # What is known or old and what is not stay apart, though both may show in the same place.
        key = (rule, operation, where, found.known or found.before or "")
        self._failed[rule, operation] += 1
        kind = (rule, operation, found.severity, found.accepted is None)
        like = [k for k, f in self.findings.items() if (f.rule, f.operation, f.severity, f.accepted is None) == kind]
        if key not in self.findings and len(like) >= MOST_PLACES:
            key, found = like[-1], self.findings[like[-1]]
        if self._fails(found) and len(self.failures_of_test) < MOST_TOLD:
            self.failures_of_test.append(
                f"{rule} {operation}: expected {found.expected}, received {found.received}"[:300]
            )
        earlier = self.findings.get(key)
        # The shorter request is the easier one to understand and to repeat.
        kept = earlier if earlier and not 0 < len(found.curl) < len(earlier.curl) else None
        if kept is None:
            kept = replace(found, steps=told(self.trail.steps if way is None else way, shown, self._secrets))
        if earlier:
            kept = replace(kept, count=earlier.count + 1, at=earlier.at, after_requests=earlier.after_requests)
        self.findings[key] = kept

    def _fails(self, finding: Finding) -> bool:
        return finding.fails or (self._strict and not finding.accepted)

    @property
    def has_failed(self) -> bool:
        """Whether a finding so far fails the run."""
        return any(map(self._fails, self.findings.values()))

    def skip(self, rule: str, operation: str, reason: str) -> None:
        self.skips[rule, operation] = reason

    def note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    # What is written at the end

    def records(self, api: str) -> Iterator[Check | Skip | Seen]:
        """Checks, skips, and for each operation of the API the statuses that came or did not."""
        for rule, operation in sorted(self._counts + self._failed):
            failed = self._failed[rule, operation]
            yield Check(rule, RULES[rule].title, operation, max(self._counts[rule, operation], failed), failed)
        for (rule, operation), reason in sorted(self.skips.items()):
            yield Skip(rule, RULES[rule].title, operation, reason)
        for described in self.contract.of(api):
            yield from self._seen(described.id)

    def _seen(self, operation_id: str) -> Iterator[Seen]:
        operation, seen = self.contract.operation(operation_id), self.statuses[operation_id]
        skipped = next((reason for (_, name), reason in self.skips.items() if name == operation_id), "")
        for status in sorted({*operation.statuses, *seen}):
            documented = status in operation.statuses
            reason = "" if seen[status] else operation.unprovoked(status) or skipped or _unseen(status)
            # Each status has its own times: a fast refusal must not make an operation look fast.
            times = sorted(self.seconds.get((operation_id, status), ()))
            p50, p95 = _percentile(times, 0.5), _percentile(times, 0.95)
            yield Seen(operation_id, status, seen[status], documented, reason, p50, p95)


def _percentile(seconds: Sequence[float], quantile: float) -> float | None:
    """In milliseconds, of ascending seconds; None where they are too few to bound it on both sides."""
    return round(nearest(seconds, quantile) * 1000, 1) if len(seconds) >= enough(quantile) else None


def _unseen(status: int) -> str:
    """Why a documented status may not have come, where the contract does not say."""
    reasons = {200: "these accounts were never given it", 403: "these accounts may do it", 404: "nothing was missing"}
    return reasons.get(status, "not brought about in this run")
