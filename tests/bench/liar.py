"""A server that answers redemptions as it was told to: honestly, or not."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[int, str], tuple[int, str]]
"""From the number of a request and its key to status and redemption id (or a whole body behind a `{`)."""


def honest(number: int, key: str) -> tuple[int, str]:
    """A new id each time."""
    del key
    return 200, f"rdm_{number:026d}"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """Serve on a free port of the loopback interface."""
    lock, count = threading.Lock(), [0]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["Idempotency-Key"]
            with lock:
                count[0] += 1
                number = count[0]
            status, told = answer(number, key)
            body = told if told.startswith("{") else redemption(told, key)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Say nothing: the answers are what is looked at."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def redemption(id_: str, key: str) -> str:
    """An answer as the engine gives it, as far as a generator looks."""
    return f'{{"id":"{id_}","status":"redeemed","code":"X","idempotency_key":"{key}"}}'
