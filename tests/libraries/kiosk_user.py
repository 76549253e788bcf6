"""What users of `kiosk` write, for type checkers and when it is run."""

from typing import Any

import kiosk
import kiosk.parts
from kiosk import (
    CODES,
    LIMIT,
    RETRIES,
    TIMEOUT,
    VERSION,
    Client,
    Color,
    Json,
    LocalError,
    Named,
    Options,
    Paper,
    Reader,
    Row,
    Settings,
    Shelf,
    Size,
    SoldOutError,
    Special,
    bought,
    default,
    fetch,
    logger,
    newer,
    parts,
    shout,
    turn,
)
from typing_extensions import assert_type

assert_type(default, Client)
assert_type(default.get("a"), Paper)
assert_type(default.get("a").read(), str)
assert_type(bought(default), Paper)
assert_type(fetch("a").read(), str)
assert_type(list(default.each()), list[Paper])

title, price = Paper("a")
assert_type(title, str)
assert_type(price, float)
assert_type(Paper("a", price=2.0)._replace(title="b").read(), str)
assert_type(Size.SMALL.fits(), bool)
assert_type(Size(1), Size)
value: int = Size.LARGE.value
assert_type(list(Size), list[Size])
assert_type(Client("a", size=Size.LARGE).size, Size)

assert_type(kiosk.__version__, str)
assert_type(VERSION, tuple[int, int, int])
assert_type(TIMEOUT, float)
assert_type(CODES, dict[int, str])
number: int = RETRIES + LIMIT
assert_type(kiosk.HOME, str)
assert_type(logger.name, str)

assert_type(turn(1), str)
assert_type(turn("1"), int)
assert_type(shout("a"), str)
assert_type(newer(), bool)
assert_type(Row(1).text, str)
assert_type(Settings(3), Settings[int])
assert_type(Settings("a", ["b"]).total(), int)
assert_type(LocalError("a").code, int)
assert_type(LocalError("a").loud, str)
assert_type(Shelf.empty(), Shelf)
assert_type(Shelf().papers, list[Paper])
assert_type(Shelf().length, int)
assert_type(Shelf.Board.thick, str)
assert_type(Special("a").loud(), str)
assert_type(parts.tools.shout("a"), str)
assert_type(kiosk.parts.json.dumps(1), str)
assert_type(kiosk.parts.KioskError().code, int)
assert_type(kiosk.parts.Client().url, str)

options: Options = {"retries": 3}
nothing: Json = None
color: Color = Color.PINK


def read(paper: Paper) -> None:
    print(paper.title)


reader: Reader = read


def greeted(named: Named) -> str:
    return named.greet(3)


def caught(error: Any) -> int:
    try:
        raise error
    except SoldOutError as found:
        return found.code
