"""Errands where threads are greenlets: `errand_in_hubs.py gevent|eventlet`."""

import importlib
import sys

library = importlib.import_module(sys.argv[1])
importlib.import_module(f"{sys.argv[1]}.monkey").patch_all() if sys.argv[1] == "gevent" else (
    library.monkey_patch()
)

import threading  # noqa: E402  # patch first
import time  # noqa: E402

import sideloop  # noqa: E402

turned: list[str] = []


async def ask() -> str:
    for _ in range(20):
        name = (await sideloop.run_on_caller(threading.current_thread)).name
    await sideloop.run_on_caller(time.sleep, 0.05)
    return name


other = threading.Thread(target=lambda: turned.append("turned"))
other.start()
print(sideloop.run_sync(ask))
other.join()
print(*turned)
