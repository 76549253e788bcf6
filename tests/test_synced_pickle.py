"""Twins that a script defines, sent to other processes."""

import programs


def test_of_a_script_go_where_the_script_is_not() -> None:
    ended = programs.run("twins")
    assert (ended.stdout, ended.stderr, ended.code) == ("sent\n", "", 0)
