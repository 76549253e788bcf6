"""Whether CPython keeps a class that nobody holds, once there has been a thread: no sideloop."""

import gc
import threading
import weakref


def made() -> "weakref.ref[type]":
    """A class that nobody holds."""

    class Local:
        pass

    return weakref.ref(Local)


before = made()
gc.collect()
gone_before = before() is None
thread = threading.Thread(target=int)
thread.start()
thread.join()
after = made()
gc.collect()
print("before:", "gone" if gone_before else "kept")
print("after:", "gone" if after() is None else "kept")
