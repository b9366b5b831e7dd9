"""A shopper who never stops asking."""

import threading
from collections import Counter

import httpx

PAUSE = 0.2  # seconds between two questions


class asking:
    """Ask for a customer's recommendations again and again, from the first published list on.

    Attributes:
        answers: how often what was answered: the status, and where it is 200 whether it is a personal list.
    """

    def __init__(self, http: httpx.Client, customer_id: str):
        self.answers: Counter = Counter()
        self._http, self._path = http, f"/recommendations/{customer_id}"
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "asking":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(PAUSE):
            self.answers[self._answer()] += 1

    def _answer(self) -> str:
        try:
            answer = self._http.get(self._path)
        except httpx.HTTPError as error:
            return type(error).__name__
        if answer.status_code != 200:
            return str(answer.status_code)
        body = answer.json()
        return f"200 {body['source']} {'list' if body['items'] else 'empty'}"
