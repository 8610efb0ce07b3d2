"""A stand-in for an engine or the control plane, to see what the gateway sends where."""

import http.server
import threading
from dataclasses import dataclass, field


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a gateway that refuses a body hangs up on us, and is meant to."""


@dataclass
class Upstream:
    """Answers every request with its name, or hangs up after reading it."""

    name: str
    port: int
    hangs_up: bool = False
    seen: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._server = _Server(("127.0.0.1", self.port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                upstream.seen.append(f"{self.command} {self.path}")
                if upstream.hangs_up:
                    self.close_connection = True
                    return
                body = upstream.name.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
                """Say nothing: the test looks at `seen`."""

        return Handler
