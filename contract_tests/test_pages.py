"""A list that is longer than a page: its pages neither repeat a chat nor skip one."""

from __future__ import annotations

import time

import pytest

from contract_tests.check import Checker
from contract_tests.scenes import Made, goes_with_its_account, new_session
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.openwebui import PAGE
from seatrial.reading import identifiers

pytestmark = pytest.mark.api(OPENWEBUI)


def test_pages_neither_repeat_nor_skip(crew: Crew, owner: Person, check: Checker, made: Made, full: bool) -> None:
    if not owner.account.disposable:
        check.skip("list-pages", "listChats", "needs an account that may be written to freely: --admin or --disposable")
        pytest.skip("needs an account that may be written to freely")
    put_away: Made = [] if goes_with_its_account(crew, owner) else made
    wanted: set[str] = set()
    # Chats of one second come in any order, and a database may order them differently for each page: the pages have to
    # part between two seconds.
    for group, count in enumerate((5, PAGE, PAGE) if full else (3, PAGE)):
        time.sleep(1.05 if group else 0)
        wanted |= {new_session(crew, owner, put_away, f"page {number}").id for number in range(count)}
    for attempt in (1, 2):
        pages: list[list[str]] = []
        while (not pages or pages[-1]) and len(pages) < 20:
            reply = owner.client.send(crew.contract.call("listChats", query={"page": len(pages) + 1}))
            pages.append(identifiers(reply))
        listed = [row for page in pages for row in page]
        repeated, missing = len(listed) - len(set(listed)), len(wanted - set(listed))
        if (not repeated and not missing) or attempt == 2:
            # Once more before it counts: somebody may have used the account in between.
            check.that(
                "list-pages", "listChats", not repeated, "each chat once", f"{repeated} repeated", "pages: repeated"
            )
            check.that("list-pages", "listChats", not missing, "every chat", f"{missing} missing", "pages: missing")
            break
