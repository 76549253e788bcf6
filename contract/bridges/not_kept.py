"""What ours does not keep, and which libraries have no tests to run: with the reasons."""

ITS_LOOP = "the loop is distributed's own"
ITS_PORTAL = "a portal belongs to its process and its loop: an error at once; a new one works"
ITS_WAIT = "asgiref waits for the call itself"
ITS_CODE = "the library's own code around the call"
ITS_ERROR = "that of `concurrent.futures`, as before"

NOT_KEPT: dict[tuple[str, str], str] = {
    ("anyio", "cancelled"): ITS_ERROR,
    ("anyio", "frames"): ITS_CODE,
    ("anyio", "stopped"): ITS_PORTAL,
    ("anyio", "fork"): ITS_PORTAL,
    ("anyio", "fork_under_way"): ITS_PORTAL,
    ("asgiref", "ctrl_c"): ITS_WAIT,
    ("asgiref", "frames"): ITS_CODE,
    ("asgiref", "garbage"): ITS_CODE,
    ("asgiref", "importing"): ITS_WAIT,
    ("distributed", "system_exit"): ITS_LOOP,
    ("distributed", "stopped"): ITS_LOOP,
    ("distributed", "fork"): ITS_LOOP,
    ("distributed", "fork_under_way"): ITS_LOOP,
    ("distributed", "importing"): ITS_LOOP,
    ("distributed", "exit_under_way"): ITS_LOOP,
    ("distributed", "at_exit"): ITS_LOOP,
    ("flyte", "cancelled"): ITS_ERROR,
    ("jupyter_core", "exit_under_way"): "the thread turns its own loop, and nobody else can",
    ("synchronicity", "cancelled"): ITS_ERROR,
    ("unsync", "ctrl_c"): "others may wait for its future, so that the coroutine goes on",
    ("unsync", "cancelled"): ITS_ERROR,
    ("unsync", "frames"): "those of a future of `concurrent.futures`",
    ("unsync", "garbage"): "a future of `concurrent.futures` and its exception hold each other",
    ("unsync", "importing"): "a future is asked, and that turns no loop",
}
"""By library and row."""

NO_TESTS = {
    "distributed": "its source distribution has none",
    "flyte": "it has no source distribution",
    "flytekit": "its source distribution has none",
    "fsspec": "its source distribution has none of its bridge",
}
