"""`python -m asyncio_suite`: see scripts/asyncio-suite."""

import argparse
import signal
import sys

from asyncio_suite.modules import find_modules
from asyncio_suite.process import Limits, Subject
from asyncio_suite.replace import Config
from asyncio_suite.run import Settings, Suite


def main(arguments: list[str]) -> int:
    """Run the suite; the exit code says whether nothing has regressed."""
    settings = _settings(arguments)
    if not settings.modules:
        print("this interpreter was installed without test.test_asyncio: nothing to compare")
        return 2
    # To be ended is to be interrupted: the children are ended too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"test.test_asyncio of CPython {sys.version.split()[0]} on {settings.subjects[0].loop}")
    return 0 if Suite(settings).run() else 1


def _settings(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(
        prog="asyncio-suite",
        description="Run CPython's own test.test_asyncio on our loop, and compare.",
    )
    parser.add_argument(
        "--module",
        action="append",
        default=[],
        help="a test module, such as test_tasks; may be repeated (default: all)",
    )
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        help="a test id, or a part of one; may be repeated (default: all)",
    )
    parser.add_argument(
        "--config",
        action="append",
        choices=["loops", "bases"],
        help="loops: what makes an asyncio.SelectorEventLoop makes ours; bases: the base classes "
        "too, so that virtual time and mocks run on the core (default: one after the other)",
    )
    parser.add_argument("--loop", default="sideloop:EventLoop", help="our loop, as module:Class")
    parser.add_argument(
        "--core",
        default="sideloop._sideloop:LoopCore",
        help="what is mixed in front of the base classes, as module:Class",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (default: 2)")
    parser.add_argument("--reruns", type=int, default=2, help="of what fails (default: 2)")
    parser.add_argument(
        "--test-limit", type=float, default=60.0, help="seconds until a test hangs (default: 60)"
    )
    parser.add_argument(
        "--module-limit",
        type=float,
        default=600.0,
        help="seconds until a module is given up (default: 600)",
    )
    given = parser.parse_args(arguments)
    modules = find_modules()
    unknown = set(given.module) - set(modules)
    if unknown:
        parser.error(
            f"no such module: {', '.join(sorted(unknown))}; there are {', '.join(modules)}"
        )
    return Settings(
        modules=[module for module in modules if not given.module or module in given.module],
        subjects=[
            Subject(Config(config), given.loop, given.core)
            for config in given.config or ["loops", "bases"]
        ],
        tests=given.test,
        limits=Limits(given.test_limit, given.module_limit),
        jobs=given.jobs,
        reruns=given.reruns,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
