"""A block that any signal ends: one that comes just before a sleep does not end the sleep."""

import time
from typing import NoReturn


def block_for_ever() -> NoReturn:
    while True:
        time.sleep(0.05)
