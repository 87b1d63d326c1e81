"""stakeholders: takes what is sent to them as a webhook, and keeps it as a file of lines; `MAILBOX` names the file."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Mailbox(BaseHTTPRequestHandler):
    """One message a request, in the shape in which Apprise posts JSON."""

    def do_POST(self) -> None:
        """Keep its title and its text."""
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Path(os.environ["MAILBOX"]).open("a", encoding="utf-8") as kept:
            kept.write(json.dumps({"title": told["title"], "message": told["message"]}, ensure_ascii=False) + "\n")
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Mailbox).serve_forever()
