"""Deployments as people set them up: what they do is no fault of theirs, and nobody is harmed by looking at them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from odd_openwebui import OddOpenWebUI
from starlette.responses import JSONResponse, Response
from suite_alone import crew_of, found, looked

from contract_tests import test_access, test_changes, test_concurrency, test_strangers
from contract_tests.generation import Generator
from contract_tests.scenes import stored_chat
from contract_tests.stream import faults
from seatrial.contract import Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.settings import gather
from seatrial.streams import read

CONTRACT = Contract.load()
POLICY = r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w\s]).{8,}$"
"""Open WebUI's own, where passwords are held to one."""


class Door(OddOpenWebUI):
    """Whoever comes without credentials is taken for somebody, as behind a cache that hands out sessions."""

    operations = (*OddOpenWebUI.operations, "getApiKey", "deleteApiKey")

    def __init__(self) -> None:
        super().__init__()
        self.accounts[""] = {"id": "victim", "email": "victim@example.org", "role": "user"}

    def _get_api_key(self, *_: Any) -> Any:
        return {"api_key": "sk-of-the-victim"}

    def _delete_api_key(self, *_: Any) -> Any:
        return True


def test_nobodys_key_is_replaced_where_strangers_are_taken_for_somebody(tmp_path: Path) -> None:
    fake = Door()
    with crew_of(fake, tmp_path) as crew:
        log = looked(fake, crew, test_access.test_administration_is_closed_to_others)
    assert not fake.asked.keys() & {"createApiKey", "getApiKey", "deleteApiKey"}
    assert ("administration-closed", "createApiKey") in log.skips
    assert found(log)  # that they are let in is told all the same


@pytest.mark.parametrize(
    "header",
    ["Cookie: sso=1; token=eyJx.y.z", "cookie: token=eyJx.y.z", "X-API-Key: sk-0123456789", "Cookie:token = x"],
)
def test_a_header_that_signs_in_is_refused_and_not_quoted(header: str) -> None:
    with pytest.raises(WrongUse, match="signs in to Open WebUI") as error:
        gather({"header": (header,)}, {})
    assert "eyJx" not in str(error.value)
    assert "sk-0" not in str(error.value)


def test_other_cookies_and_keys_go_along() -> None:
    settings = gather({"header": ("Cookie: sso=1; mytoken=2", "X-API-Key: of-the-gateway")}, {})
    assert settings.headers == {"Cookie": "sso=1; mytoken=2", "X-API-Key": "of-the-gateway"}


class Named(OddOpenWebUI):
    """What stands in front names one person for every request."""

    def _get_current_user(self, user: Any, _: Any) -> Any:
        if user["id"] != "boss":
            return JSONResponse({"detail": "User mismatch. Please sign in again."}, 401)
        return super()._get_current_user(user, _)


class Temporary(OddOpenWebUI):
    """People may only chat temporarily; from `refuses` on the server itself sees to that."""

    def __init__(self, *, refuses: bool) -> None:
        super().__init__()
        self.refuses = refuses

    def _get_current_user(self, user: Any, _: Any) -> Any:
        return user | {"permissions": {"chat": {"delete": True, "temporary": True, "temporary_enforced": True}}}

    def _create_chat(self, user: Any, body: Any) -> Any:
        if self.refuses and user["role"] != "admin":
            return JSONResponse({"detail": "You do not have permission to access this resource."}, 403)
        return super()._create_chat(user, body)


class Policy(OddOpenWebUI):
    """Passwords have to keep a policy."""

    def _add_user(self, user: Any, body: dict[str, str]) -> Any:
        if not re.match(POLICY, body.get("password", "")):
            return JSONResponse({"detail": "The password does not meet the required validation criteria."}, 400)
        return super()._add_user(user, body)


@pytest.mark.parametrize(
    ("fake", "said"), [(Named(), "names one person for every request"), (Temporary(refuses=True), "chat temporarily")]
)
def test_who_could_prove_nothing_is_told_so_and_nothing_is_left(tmp_path: Path, fake: OddOpenWebUI, said: str) -> None:
    with pytest.raises(WrongUse, match=said), crew_of(fake, tmp_path):
        pass
    assert list(fake.chats) == []
    assert "seatrial" not in str(fake.accounts)


def test_what_only_the_web_app_forbids_is_looked_at(tmp_path: Path) -> None:
    fake = Temporary(refuses=False)
    with crew_of(fake, tmp_path) as crew:
        assert len(crew.people) == 3
        assert fake.chats == {}  # the one that tried it is gone


def test_throwaway_accounts_have_passwords_that_a_policy_takes(tmp_path: Path) -> None:
    with crew_of(Policy(), tmp_path) as crew:
        assert len(crew.people) == 3


def test_a_release_older_than_the_contract_describes_proves_nothing(tmp_path: Path) -> None:
    fake = OddOpenWebUI()
    fake.version = "0.8.12"
    with pytest.raises(Inconclusive, match=r"is Open WebUI 0\.8\.12, and the contract describes releases from 0\.9\.4"):
        with crew_of(fake, tmp_path):
            pass


class Models(OddOpenWebUI):
    """Its first models are none that people begin with."""

    default: str | None = "gone,usual"

    def _list_models(self, *_: Any) -> Any:
        rows: list[dict[str, Any]] = [
            {"id": "compare-two", "owned_by": "arena"},
            {"id": "old", "info": {"meta": {"hidden": True}}},
            {"id": "embedder", "info": {"meta": None}},
            {"id": "usual"},
        ]
        return {"data": rows}

    def _get_config(self, user: Any, body: Any) -> Any:
        return super()._get_config(user, body) | {"default_models": self.default}


@pytest.mark.parametrize(
    ("default", "chosen"), [("gone,usual", "usual"), (None, "embedder"), ("", "embedder"), ("old", "embedder")]
)
def test_the_model_is_the_one_that_people_begin_with(tmp_path: Path, default: str | None, chosen: str) -> None:
    fake = Models()
    fake.default = default
    with crew_of(fake, tmp_path) as crew:
        assert crew.model == chosen


@pytest.mark.parametrize("name", ["old", "compare-two"])
def test_a_model_that_is_offered_to_nobody_can_be_named(tmp_path: Path, name: str) -> None:
    with crew_of(Models(), tmp_path, admin_token="token-of-boss", model=name) as crew:
        assert crew.model == name


def test_a_stream_may_end_with_its_last_line() -> None:
    """As Open WebUI passes on what its pipe functions say."""
    last = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]'
    for ending in (b"", b"\n"):
        assert list(faults(read([(0.1, last + ending)]))) == []
    assert {rule for rule, *_ in faults(read([(0.1, last[:-1])]))} == {"stream-framing", "stream-finish"}


@pytest.mark.parametrize(("version", "messages"), [("0.9.6", 2), ("0.10.0", 0), ("0.12.4", 0)])
def test_long_texts_are_sent_once_where_once_is_enough(tmp_path: Path, version: str, messages: int) -> None:
    fake = OddOpenWebUI()
    with crew_of(fake, tmp_path) as crew:
        object.__setattr__(crew.deployment, "version", version)
        stored_chat(crew, crew.people[0], [], ["Q", "A"])
        (chat,) = fake.chats.values()
    assert len(chat["chat"]["messages"]) == messages


def test_no_page_is_asked_for_that_only_sqlite_has() -> None:
    operation, pages = CONTRACT.operation("searchChats"), []

    def visit(case: Any, valid: bool) -> None:
        pages.append(case.query.get("page")) if valid else None

    Generator(CONTRACT, 0).cases(operation, 40, {}, visit)
    numbers = [page for page in pages if isinstance(page, int)]
    assert len(numbers) > 10
    assert min(numbers) >= 1


class SignInPage(OddOpenWebUI):
    """What stands in front sends whoever has no credentials to a page of its own."""

    operations = (*OddOpenWebUI.operations, "getApiKey", "deleteApiKey")

    def _route(self, contract: Contract, name: str) -> Any:
        route = super()._route(contract, name)
        inner = route.endpoint

        async def endpoint(request: Any) -> Response:
            if not request.headers.get("authorization") and name != "signIn":
                return Response(status_code=302, headers={"location": "https://sso.example.org/"})
            return await inner(request)

        route.__init__(route.path, endpoint, methods=route.methods)
        return route


def test_strangers_may_be_sent_to_a_sign_in_page(tmp_path: Path) -> None:
    fake = SignInPage()
    with crew_of(fake, tmp_path, token=(fake.join("ana"), fake.join("rui"))) as crew:
        for test in (
            test_access.test_administration_is_closed_to_others,
            test_changes.test_the_public_pages_answer_without_credentials,
            test_strangers.test_strangers_see_only_the_public_settings,
        ):
            assert [one for one in found(looked(fake, crew, test)) if " user: " not in one] == []


class Busy(OddOpenWebUI):
    """Nothing more is made, and nothing removed."""

    full = False

    def _create_chat(self, user: Any, body: Any) -> Any:
        return JSONResponse({"detail": "busy"}, 409) if self.full else super()._create_chat(user, body)

    def _delete_chat(self, user: Any, body: Any, chat_id: str) -> Any:
        return JSONResponse({"detail": "busy"}, 409) if self.full else super()._delete_chat(user, body, chat_id)


def test_what_was_all_refused_counts_for_nothing(tmp_path: Path) -> None:
    fake = Busy()
    with crew_of(fake, tmp_path) as crew:
        fake.full = True
        log = looked(fake, crew, test_concurrency.test_sessions_made_at_once_are_all_there_and_each_its_own)
        fake.full = False
        assert set(log.skips) == {("parallel-kept", "createChat"), ("parallel-kept", "listChats")}
