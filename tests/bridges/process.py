"""Programs of the tests of drop-ins: each a process, since it imports a library before or after."""

import subprocess
import sys
import textwrap

from pace import scaled


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
