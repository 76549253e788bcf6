"""A script with twins of its own, which sends them to a process that is not that script."""

import pickle
import subprocess
import sys

import cloudpickle
import pytest

import sideloop

LOAD = "import pickle, sys; sys.exit(pickle.load(sys.stdin.buffer)(20, b=22))"


@sideloop.synced
async def decorated(a: int, b: int) -> int:
    return a + b


async def async_add(a: int, b: int) -> int:
    return a + b


add = sideloop.synced(async_add)


@sideloop.synced
class Adder:
    async def add(self, a: int, b: int) -> int:
        return a + b


def send(twin: object) -> int:
    data = cloudpickle.dumps(twin)
    return subprocess.run([sys.executable, "-c", LOAD], input=data, timeout=60).returncode


if __name__ == "__main__":
    assert send(decorated) == 42
    assert send(add) == 42
    assert pickle.loads(pickle.dumps(decorated)) == decorated
    assert pickle.loads(pickle.dumps(Adder)) is Adder
    assert pickle.loads(pickle.dumps(Adder().add))(1, 2) == 3
    with pytest.raises(pickle.PicklingError, match="define both in a module that can be imported"):
        cloudpickle.dumps(Adder)
    print("sent")
