"""Programs of the tests of drop-ins: each a process, since it imports a library before or after."""

import subprocess
import sys
import textwrap

from pace import scaled

TOLD = """
import time

def told(sync_fn, *args, **kwargs):
    begin = time.monotonic()
    try:
        sync_fn(*args, **kwargs)
    except BaseException as raised:
        assert time.monotonic() - begin < 20
        return raised
"""
"""What a call raises, which has to come soon."""

PAGES = """
import http.server, threading

class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"of " + self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *said): pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
"""
"""A server of pages that say their path."""


def run(*parts: str) -> list[str]:
    """What a program prints that is made of these parts. It has to end well, and in silence."""
    program = "\n".join(textwrap.dedent(part) for part in parts)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program],
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()
