"""Whether a wheel is what its name says, by what auditwheel finds: `python release/audited.py TAG`.

What `auditwheel show --json` says of the wheel comes by stdin.
"""

import json
import sys
from collections.abc import Generator
from typing import Any

UNWINDER = "libgcc_s.so.1"

MUSL = ("libc.so", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1")
"""musl, by zig and by Alpine. Its loader takes any name that begins with `libc.` for itself, and
auditwheel knows Alpine's alone."""


def main() -> None:
    """Say what is wrong, all of it."""
    audit = json.load(sys.stdin)
    problems = list(problems_with(audit, sys.argv[1]))
    for problem in problems:
        print(f"error: {audit['wheel']} {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


def problems_with(audit: dict[str, Any], tag: str) -> Generator[str]:
    """Why it is not a wheel of that tag."""
    wanted = set(audit["external_libs"]) | set(audit["versioned_symbols"])
    if tag.startswith("musl"):
        found = audit["sym_tag"]
        if more := wanted.difference(MUSL):
            yield f"wants more than musl: {', '.join(sorted(more))}"
    else:
        found = audit["overall_tag"]
        if UNWINDER not in wanted:
            yield (
                f"does not want {UNWINDER}: it has an unwinder of its own, with which a thread "
                f"that CPython ends in a call crashes (unwinder_of in scripts/common)"
            )
    if not found.startswith(tag):
        yield f"is {found} for auditwheel, and not {tag}"


if __name__ == "__main__":
    main()
