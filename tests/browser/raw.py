"""The page's events as a stranger's script calls them: by number, with any values, in any session, past the browser."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

API = "/gradio_api"


@dataclass
class Raw:
    """One person's script.

    Attributes:
        cookie: of that person's signed-in session, as the browser sends it.
        key: of that person's browser.
        session: gradio's session; its name is the client's to choose, anybody's.
    """

    url: str
    cookie: str = ""
    key: str = ""
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def http(self) -> httpx.Client:
        headers = self.headers | ({"cookie": f"session={self.cookie}"} if self.cookie else {})
        return httpx.Client(base_url=self.url, headers=headers, timeout=240)

    @cached_property
    def config(self) -> dict[str, Any]:
        return dict(self.http.get("/config").json())

    @cached_property
    def boxes(self) -> dict[int, dict[str, Any]]:
        return {one["id"]: one for one in self.config["components"]}

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Those that run something on the server."""
        return [one for one in self.config["dependencies"] if one["backend_fn"]]

    def names(self, event: dict[str, Any]) -> list[str]:
        """What an event's inputs are called."""
        return [self.boxes[i]["props"].get("elem_id") or "" for i in event["inputs"]]

    def named(self, name: str) -> dict[str, Any]:
        """The first event whose function has that name."""
        return next(one for one in self.events if one["api_name"] == name)

    def call(self, event: dict[str, Any], values: dict[str, Any]) -> str:
        """All that the server answers, as text.

        Args:
            values: by the name of the input; the others are as they stand when the page opens.
        """
        key_box = self.events[0]["inputs"][0]
        data = [
            self.key if i == key_box else values.get(name, self.boxes[i]["props"].get("value"))
            for i, name in zip(event["inputs"], self.names(event), strict=True)
        ]
        body = {"fn_index": event["id"], "data": data, "session_hash": self.session}
        if not event["queue"]:
            return self.http.post(f"{API}/run/predict", json=body).text
        joined = self.http.post(f"{API}/queue/join", json=body)
        return self._heard(joined.json()["event_id"]) if joined.status_code == 200 else joined.text

    def _heard(self, event_id: str) -> str:
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                said = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if said.get("event_id") == event_id and said.get("msg") == "process_completed":
                    return line
        return ""
