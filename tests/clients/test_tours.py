"""The examples on async clients do what they say, quietly."""

from pathlib import Path

import programs
import pytest
from examples import EXAMPLES, example_of

SAID = {
    "counter": """\
hello
counted to 100, 100 different answers
['question:1']
200
""",
    "fetch": """\
line 0 line 1 98
401 /401
['/seen']
""",
    "echo": """\
one
two
three
end
answered in less than a second: True
""",
}


class TestAnExample:
    @pytest.mark.parametrize("name", EXAMPLES)
    def test_runs_to_its_end_and_says_so(self, name: str) -> None:
        ended = programs.run(Path(str(example_of(name).__file__)).with_suffix(""))
        assert (ended.code, ended.stdout, ended.stderr) == (0, SAID[name], "")
