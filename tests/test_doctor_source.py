"""What `doctor` finds in one source file."""

import textwrap

import pytest

from sideloop._doctor.source import UnreadableError, findings


def found(source: str, *beginnings: str, is_main: bool = False) -> list[tuple[str, int, str]]:
    """What is found: what is called, in which line and function."""
    text = textwrap.dedent(source).encode()
    return [
        (one.name, one.line, one.function)
        for one in findings(text, beginnings, is_main=is_main).found
    ]


class TestACall:
    @pytest.mark.parametrize(
        ("imports", "called", "name"),
        [
            ("import asyncio", "asyncio.run(f())", "asyncio.run"),
            ("import asyncio as aio", "aio.run(f())", "asyncio.run"),
            ("from asyncio import run", "run(f())", "asyncio.run"),
            ("from asyncio import run as go", "go(f())", "asyncio.run"),
            ("from asyncio.runners import run", "run(f())", "asyncio.run"),
            ("import asyncio.runners", "asyncio.runners.run(f())", "asyncio.run"),
            ("import asyncio", "asyncio.Runner().run(f())", "asyncio.Runner"),
            ("import anyio", "anyio.run(f)", "anyio.run"),
            ("", "loop.run_until_complete(f())", "run_until_complete"),
            ("", "get_loop().run_until_complete(f())", "run_until_complete"),
            (
                "from asyncio import run_coroutine_threadsafe as put",
                "put(f(), loop)",
                "asyncio.run_coroutine_threadsafe",
            ),
            (
                "import asyncio",
                "asyncio.set_event_loop_policy(p)",
                "asyncio.set_event_loop_policy",
            ),
            ("import uvloop", "uvloop.install()", "uvloop.install"),
            ("from gevent import monkey", "monkey.patch_all()", "gevent.monkey.patch_all"),
            ("import eventlet", "eventlet.monkey_patch()", "eventlet.monkey_patch"),
            ("import os", "os.fork()", "os.fork"),
            (
                "import multiprocessing as mp",
                'mp.set_start_method("fork")',
                'multiprocessing.set_start_method("fork")',
            ),
            (
                "from multiprocessing import get_context",
                'get_context(method="fork")',
                'multiprocessing.get_context("fork")',
            ),
        ],
    )
    def test_is_found_however_it_is_imported(self, imports: str, called: str, name: str) -> None:
        assert found(f"{imports}\ndef sync():\n    return {called}\n") == [(name, 3, "sync")]

    @pytest.mark.parametrize(
        "source",
        [
            "import asyncio\ndef sync(asyncio_run): return asyncio_run(f())",
            "import subprocess\ndef sync(): return subprocess.run(['asyncio'])",
            "from .asyncio import run\ndef sync(): return run(f())",
            "from .runners import run\nimport asyncio\ndef sync(): return run(f())",
            'import multiprocessing\ndef sync(): multiprocessing.set_start_method("spawn")',
            '"""asyncio.run(f()) in a function"""\nimport asyncio',
            "import asyncio\n# asyncio.run(f())",
            "import asyncio\ndef run(): return asyncio.run",
        ],
    )
    def test_is_not_found_where_it_is_something_else(self, source: str) -> None:
        assert found(source) == []

    def test_of_a_loop_to_its_base_class_is_no_bridge(self) -> None:
        assert (
            found("""
            class Loop(Base):
                def run_until_complete(self, future):
                    return super().run_until_complete(future)
        """)
            == []
        )

    def test_is_a_bridge_only_in_a_function(self) -> None:
        assert found("import asyncio\nasyncio.run(f())\nloop.run_until_complete(f())\n") == []

    def test_that_is_no_bridge_itself_is_found_anywhere(self) -> None:
        source = "import asyncio\nasyncio.set_event_loop_policy(None)\n"
        assert found(source) == [("asyncio.set_event_loop_policy", 2, "")]

    def test_between_two_loops_is_no_bridge(self) -> None:
        source = """
            import asyncio
            async def over(loop):
                return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(f(), loop))
        """
        assert found(source) == []

    def test_is_named_by_its_function_and_class(self) -> None:
        source = """
            import asyncio
            class Client:
                class Inner:
                    def get(self):
                        def inside():
                            return asyncio.run(f())
                        return inside, lambda: asyncio.run(f())
                async def aget(self): return asyncio.run(f())
        """
        assert [(line, function) for _, line, function in found(source)] == [
            (7, "Client.Inner.get.inside"),
            (8, "Client.Inner.get.<lambda>"),
            (9, "Client.aget"),
        ]

    def test_in_a_default_or_decorator_is_not_in_the_function(self) -> None:
        source = "import asyncio\n@asyncio.run(f())\ndef sync(a=asyncio.run(f())): pass\n"
        assert found(source) == []


class TestABridgeOfALibrary:
    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("import nest_asyncio\nnest_asyncio.apply()", "nest_asyncio.apply"),
            ("from nest_asyncio import apply\napply()", "nest_asyncio.apply"),
            (
                "from asgiref.sync import async_to_sync\n@async_to_sync\nasync def f(): ...",
                "asgiref.sync.async_to_sync",
            ),
            (
                "import anyio\nwith anyio.from_thread.start_blocking_portal() as p: ...",
                "anyio.from_thread.start_blocking_portal",
            ),
            ("from fsspec.asyn import sync\nlist = lambda: sync(l, f)", "fsspec.asyn.sync"),
            ("import fsspec.asyn as a\nx = a.sync_wrapper(f)", "fsspec.asyn.sync_wrapper"),
            (
                "import synchronicity\ns = synchronicity.Synchronizer()",
                "synchronicity.Synchronizer",
            ),
            ("from unsync import unsync\n@unsync\nasync def f(): ...", "unsync.unsync"),
        ],
    )
    def test_is_found_where_it_is_used(self, source: str, name: str) -> None:
        assert [one for one, _, _ in found(source)] == [name]

    def test_is_not_found_where_it_is_only_imported(self) -> None:
        assert found("from asgiref.sync import async_to_sync\n__all__ = ['async_to_sync']") == []


class TestTheBeginningOfAProgram:
    SOURCE = """
        import asyncio
        def main():
            asyncio.run(f())
        def other():
            asyncio.run(f())
    """

    def test_is_left_out_where_the_distribution_names_it(self) -> None:
        assert found(self.SOURCE, "main") == [("asyncio.run", 6, "other")]
        assert findings(textwrap.dedent(self.SOURCE).encode(), ["main"]).beginnings == 1

    def test_is_left_out_where_the_file_calls_it_as_a_program(self) -> None:
        source = textwrap.dedent(self.SOURCE)
        program = f'{source}\nif __name__ == "__main__":\n    raise SystemExit(main())\n'
        assert found(program) == [("asyncio.run", 6, "other")]

    def test_is_left_out_in_a_main_module(self) -> None:
        source = f"{textwrap.dedent(self.SOURCE)}\nmain()\n"
        assert len(found(source)) == 2
        assert found(source, is_main=True) == [("asyncio.run", 6, "other")]

    def test_is_not_a_method_of_that_name(self) -> None:
        source = """
            import asyncio
            class App:
                def main(self): asyncio.run(f())
            if __name__ == "__main__": main()
        """
        assert found(source) == [("asyncio.run", 4, "App.main")]


class TestASourceThatCannotBeRead:
    @pytest.mark.parametrize(
        ("source", "why"),
        [
            (b"import asyncio\nprint asyncio.run(f())\n", "no Python of this version, line 2"),
            (b"import asyncio; asyncio.run(\n", "no Python of this version, line 1"),
            (b"# -*- coding: klingon -*-\nimport asyncio; asyncio.run()", "no Python"),
            (b"import asyncio; asyncio.run(b'\xff\xfe')\n", "no Python"),
            (b"import asyncio; asyncio.run()\0", "no Python"),
            (b"import asyncio\nasyncio.run(" + b"-" * 100_000 + b"1)", "nested too deeply"),
        ],
    )
    def test_says_why(self, source: bytes, why: str) -> None:
        with pytest.raises(UnreadableError, match=why):
            findings(source)

    def test_is_not_looked_into_where_nothing_can_be_found(self) -> None:
        assert findings(b"print 'a file of another language'").found == ()

    def test_may_be_nested_deeper_than_the_stack_of_this_interpreter(self) -> None:
        deep = "(" * 90 + "1" + ")" * 90
        source = f"import asyncio\ndef sync():\n    return {deep} + {' + '.join(['f(1)'] * 900)}\n"
        source += "def other(): asyncio.run(f())\n"
        assert found(source) == [("asyncio.run", 4, "other")]

    @pytest.mark.filterwarnings("error")
    def test_does_not_warn_of_what_is_wrong_in_it(self) -> None:
        source = 'import asyncio\ndef sync():\n    "\\d"; 1 is 1; asyncio.run(f())\n'
        assert found(source) == [("asyncio.run", 3, "sync")]
