"""The forge behind an `httpx` client in the same process, without sockets or an event loop."""

import subprocess

import httpx

from localforge.app import App
from localforge.call import Answer
from localforge.dispatch import Request, identified, recalled, refuse
from localforge.errors import TooLargeError
from localforge.faults.requests import LostAnswerError
from localforge.git.directory import environment


class MountedForge(httpx.BaseTransport):
    """`httpx.Client(transport=MountedForge(app), base_url="http://forge.test")` speaks to the app directly."""

    def __init__(self, app: App) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the server would."""
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        asked = Request.of(
            method=request.method,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            origin=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
            address="127.0.0.1",
        )
        asked.content = request.read()
        if request.method == "GET" and not asked.content:
            names = ((name.lower(), value) for name, value in request.headers.raw)
            asked.identity, known = identified(str(request.url), names)
            if remembered := recalled(self._app.forge, asked.identity, known, asked.address):
                return _response(remembered, _content(remembered))
        too_large = len(asked.content) > self._app.body_limit(asked)
        try:
            answer = refuse(TooLargeError()) if too_large else self._app.answer(asked)
        except LostAnswerError as error:
            words = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(words, request=request) from error
        return _response(answer, b"" if request.method == "HEAD" else _content(answer))


def _response(answer: Answer, content: bytes) -> httpx.Response:
    return httpx.Response(answer.status, headers=answer.encoded(), content=content)


def _content(answer: Answer) -> bytes:
    if not answer.stream:
        return answer.content
    done = subprocess.run(["git", *answer.stream], env=environment(), capture_output=True, check=True)
    return done.stdout
