"""Asks a server over HTTP whether it is ready. Asks once; waiting is the supervisor's."""

import http.client
from collections.abc import Callable

from tools.dev.ports import HOST


def http_ready(port: int, path: str = "/readyz") -> Callable[[int], bool]:
    """Return a check that is true once the server answers 200."""

    def is_ready(_pid: int) -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return is_ready
