"""A link between a client and a server that breaks as often as it is told to, after so many bytes of the answer."""

import socket
import threading
from contextlib import suppress


class CuttingLink:
    """Listens on a port of its own. Each download is cut while `cuts` last; what is small passes."""

    def __init__(self, port: int, cut_after_bytes: int, cuts: int) -> None:
        self._port = port
        self._cut_after = cut_after_bytes
        self.cuts = cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, suppress(OSError):
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            left = self._cut_after
            while data := server.recv(4096):
                if self.cuts and len(data) > left:
                    self.cuts -= 1
                    client.sendall(data[:left])
                    break
                left -= len(data)
                client.sendall(data)
            # Closing alone would tell nobody: the other thread still holds them.
            client.shutdown(socket.SHUT_RDWR)
            server.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
