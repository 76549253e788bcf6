"""The child: a process that runs one test module as its plan says, and keeps the journal."""

import json
import resource
import signal
import sys
import unittest
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from asyncio_suite.journal import Writer
from asyncio_suite.recorder import Recorder
from asyncio_suite.replace import Config, replace

PACKAGE = "test.test_asyncio"


@dataclass(frozen=True)
class Plan:
    """What a child is to do."""

    module: str
    config: Config
    loop: str
    core: str
    journal: str
    log: str
    skip: tuple[str, ...] = ()
    """Tests that have been run."""
    only: tuple[str, ...] | None = None
    """If given, no other tests than these."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        data = json.loads(text)
        only = data["only"]
        data.update(config=Config(data["config"]), skip=tuple(data["skip"]))
        data.update(only=None if only is None else tuple(only))
        return cls(**data)

    def wants(self, test: str) -> bool:
        return test not in self.skip and (self.only is None or test in self.only)


def main(plan: Plan) -> None:
    """Run the plan's module."""
    # Whatever is started in the background ignores SIGINT, and the tests of Ctrl-C wait for it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The parent ends a hang with SIGABRT.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    replace(plan.config, plan.loop, plan.core)
    writer = Writer(Path(plan.journal))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        loaded = unittest.defaultTestLoader.loadTestsFromName(f"{PACKAGE}.{plan.module}")
        # No other reference to the tests: the suite drops each when it has run.
        suite = unittest.TestSuite(test for test in _flat(loaded) if plan.wants(test.id()))
        del loaded
        suite.run(Recorder(writer, Path(plan.log)))
    writer.finish()


def _flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flat(item)
        else:
            yield item


if __name__ == "__main__":
    main(Plan.from_json(sys.argv[1]))
