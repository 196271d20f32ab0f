"""The client that the project began with: six functions over `requests`, kept as its users have them.

No credentials, no header of its own, status 200 or it is an error. It must work unchanged against the Session API,
whatever stands behind it.
"""

from __future__ import annotations

from typing import Any

import requests


class BriefClient:
    """What is not 200 is shown with the response's text; a page of HTML with 200 breaks `.json()`."""

    def __init__(self, base_url: str = "http://localhost:9090", timeout: float = 60) -> None:
        self.base_url, self.timeout = base_url, timeout

    def send_message(self, prompt: str) -> Any:
        return self._read(requests.post(f"{self.base_url}/api/v1/chat", json={"prompt": prompt}, timeout=self.timeout))

    def get_model_info(self) -> Any:
        return self._read(requests.get(f"{self.base_url}/api/v1/model", timeout=self.timeout))

    def create_session(self) -> Any:
        return self._read(requests.post(f"{self.base_url}/api/v1/sessions", timeout=self.timeout))

    def list_sessions(self) -> Any:
        return self._read(requests.get(f"{self.base_url}/api/v1/sessions", timeout=self.timeout))

    def delete_session(self, session_id: str) -> None:
        response = requests.delete(f"{self.base_url}/api/v1/sessions/{session_id}", timeout=self.timeout)
        if response.status_code != 200:
            raise RuntimeError(f"{response.status_code}: {response.text}")

    def get_history(self, session_id: str) -> Any:
        return self._read(requests.get(f"{self.base_url}/api/v1/sessions/{session_id}/history", timeout=self.timeout))

    def _read(self, response: requests.Response) -> Any:
        if response.status_code != 200:
            raise RuntimeError(f"{response.status_code}: {response.text}")
        return response.json()
