"""An authorization webhook of a few lines, for chains that hold one."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def webhook(behaviour: str, directory: Path) -> Iterator[tuple[str, ...]]:
    """Yield the apiserver's flags for a webhook; "" gives none and no flags.

    It allows or denies nodes everything ("allow", "deny"), has no opinion of anybody and says so
    ("nothing"), or has none without a word ("silent").
    """
    if not behaviour:
        yield ()
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(behaviour))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    path = directory / f"webhook-{behaviour}.kubeconfig"
    path.write_text(_kubeconfig(f"http://127.0.0.1:{server.server_address[1]}"))
    try:
        yield (
            f"--authorization-webhook-config-file={path}",
            "--authorization-webhook-version=v1",
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(behaviour: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_node = "system:nodes" in review["spec"].get("groups", ())
            review["status"] = {
                "allowed": is_node and behaviour == "allow",
                "denied": is_node and behaviour == "deny",
                "reason": "" if behaviour == "silent" else f"the webhook's answer: {behaviour}",
            }
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: what it says is in the reviews."""

    return Handler


def _kubeconfig(url: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "webhook",
            "clusters": [{"name": "webhook", "cluster": {"server": url}}],
            "users": [{"name": "apiserver", "user": {}}],
            "contexts": [
                {"name": "webhook", "context": {"cluster": "webhook", "user": "apiserver"}}
            ],
        }
    )
