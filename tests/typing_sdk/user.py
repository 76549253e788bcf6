"""What users of the SDK write. `assert_type` is for type checkers, and is checked when it runs."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from typing import Any

import acme
from acme import NOT_FOUND, AcmeError, Color, Point, Row
from acme._base import AsyncBox, AsyncText
from acme._client import AsyncClient
from acme._models import AsyncUser
from acme._types import Options, Retry
from acme.functions import (
    PATHS,
    SIZES,
    Counter,
    add,
    apply,
    count,
    fail,
    fetch,
    first,
    joined,
    largest,
    opened,
    parse,
)
from acme.sync import (
    Auth,
    BatchJob,
    Box,
    Client,
    Job,
    Key,
    Numbers,
    Pair,
    Store,
    Text,
    User,
    UserPages,
    Users,
    manager,
    plain,
)
from pydantic import BaseModel
from typing_extensions import assert_type

import sideloop
from sideloop import LoopManager, SyncContextManager, SyncGenerator

# Functions


def shape_of_a_function() -> None:
    assert_type(add(1), float)
    assert_type(add(1, 2, scale=2.0), float)


def shape_of_overloads() -> None:
    assert_type(parse(b"a"), bytes)
    assert_type(parse("a"), str)


def shape_of_a_type_variable() -> None:
    assert_type(first(["a"]), str)
    assert_type(first([1]), int)


def shape_of_a_bound() -> None:
    assert_type(largest(1, 2), int)


def shape_of_constraints() -> None:
    assert_type(joined("a", "b"), str)
    assert_type(joined(b"a", b"b"), bytes)


def shape_of_a_generator_function() -> None:
    assert_type(count(2), SyncGenerator[int, Any])
    assert_type(list(count(2)), list[int])


def shape_of_a_context_manager_function() -> None:
    assert_type(opened("a"), SyncContextManager[str])
    with opened("a") as path:
        assert_type(path, str)


def shape_of_another_decorator_below() -> None:
    assert_type(fetch("a", times=2), str)


def shape_of_what_never_returns() -> None:
    try:
        fail(NOT_FOUND)
    except AcmeError as error:
        assert_type(error.code, int)


def shape_of_the_original_of_a_function() -> None:
    coroutine: Coroutine[Any, Any, str] = first.aio(["a"])
    assert_type(sideloop.run_sync(first.aio, ["a"]), str)
    coroutine.close()


def shape_of_a_function_with_a_hook() -> None:
    assert_type(apply(str), str)
    assert_type(apply(lambda n: "a" * n), str)


def shape_of_variables() -> None:
    assert_type(PATHS, list[str])
    assert_type(SIZES, dict[str, int])
    assert_type(str(NOT_FOUND), str)
    assert_type(acme.__version__, str)
    assert_type(manager, LoopManager)


def shape_of_exports() -> None:
    assert_type(acme.__all__, list[str])
    assert_type(acme.functions.add(1), float)
    assert_type(acme.Client, type[Client])


# Decorated classes


def shape_of_a_decorated_class() -> None:
    assert_type(Counter(1).add(Counter(2)), Counter)
    assert_type(Counter(1).number, int)
    assert_type(Counter(1).history, list[int])
    assert_type(list(Counter(1).up(3)), list[int])


# The client


def made() -> Client:
    return Client("url")


def shape_of_a_constructor() -> None:
    assert_type(Client("url", None), Client)
    assert_type(Client("url", greet=None), Client)


def shape_of_an_attribute_that_is_a_parameter() -> None:
    assert_type(made().url, str)
    assert_type(made().options, Options | None)


def shape_of_an_attribute_that_is_another_twin() -> None:
    assert_type(made().users, Users)
    assert_type(made().users.client, Client)
    assert_type(made().users.get(1), User)


def shape_of_an_attribute_that_a_function_makes() -> None:
    assert_type(made().retry, Retry)
    assert_type(made().retry.factor, float)
    assert_type(made().retry.waits, list[float])
    assert_type(made().retry.limit, int)
    assert_type(made().retry.names, list[str])


def shape_of_an_attribute_of_the_standard_library() -> None:
    assert_type(made().lock, asyncio.Lock)
    assert_type(made().pattern, re.Pattern[str])
    assert_type(made().home, str | None)


def shape_of_an_attribute_that_is_computed() -> None:
    assert_type(made().length, int)


def shape_of_attributes_that_are_unpacked() -> None:
    assert_type(made().first, Box[int])
    assert_type(made().second, str)


def shape_of_an_attribute_that_holds_twins() -> None:
    assert_type(made().all_users, list[User])
    assert_type(made().by_name, dict[str, User])
    assert_type(made().maybe, User | None)


def shape_of_an_attribute_that_is_a_set() -> None:
    assert_type(made().colors, set[Color])


def shape_of_attributes_of_the_class() -> None:
    assert_type(Client.timeout, float)
    assert_type(Client.LIMIT, int)
    assert_type(Client.registry, dict[str, int])
    name: str = Client.NAME
    assert_type(len(name), int)


def shape_of_an_attribute_that_is_set() -> None:
    client = made()
    client.calls = len("abc")
    assert_type(client.calls, int)


def shape_of_what_a_shared_base_has() -> None:
    assert_type(made().name, str)
    assert_type(made().shout(), str)


def shape_of_a_method() -> None:
    assert_type(made().ping(), bool)


def shape_of_overloaded_methods() -> None:
    assert_type(made().find(1), User)
    assert_type(made().find("a", many=True), list[User])
    assert_type(made().find("a"), str)


def shape_of_a_generic_method() -> None:
    assert_type(made().echo(1), int)
    assert_type(made().boxed("a"), Box[str])
    assert_type(made().boxed("a").get(), str)


def shape_of_twins_inside_of_results() -> None:
    assert_type(made().nested(), dict[str, tuple[User, User | None]])
    assert_type(made().either(1), User | Point)


def shape_of_a_typed_dictionary() -> None:
    row: Row = {"id": 1}
    assert_type(made().row(row), Row)


def shape_of_parameters_of_all_kinds() -> None:
    assert_type(made().colored(), Color)
    assert_type(made().colored(Color.RED, Point(1), Point(2), a=1), Color)
    assert_type(made().colored().short, str)


def shape_of_a_generator_method() -> None:
    assert_type(made().stream(), SyncGenerator[User, Any])
    assert_type([user.name for user in made().stream(to=1)], list[str])


def shape_of_sending() -> None:
    talk = made().talk()
    assert_type(next(talk), str)
    assert_type(talk.send(1), str)


def shape_of_a_context_manager_method() -> None:
    with made().session("a") as user:
        assert_type(user, User)


def shape_of_a_def_that_returns_a_context_manager() -> None:
    with made().transaction() as user:
        assert_type(user, User)


def shape_of_a_def_that_returns_an_awaitable() -> None:
    assert_type(made().later(), User)
    assert_type(made().latest(), list[User])


def shape_of_a_def_that_returns_an_object() -> None:
    assert_type(made().numbers(), Numbers)
    assert_type(list(made().numbers()), list[int])


def shape_of_a_sync_method() -> None:
    assert_type(made().describe(prefix=""), str)


def shape_of_self() -> None:
    assert_type(made().chained(), Client)
    assert_type(made().chained().chained().ping(), bool)


def shape_of_a_property() -> None:
    assert_type(made().best, User)


def shape_of_a_property_that_can_be_set() -> None:
    client = made()
    client.limit = len("abc")
    assert_type(client.limit, int)


def shape_of_an_async_property() -> None:
    assert_type(made().count, int)


def shape_of_a_cached_property() -> None:
    assert_type(made().token, str)


def shape_of_class_methods() -> None:
    assert_type(Client.connect("url"), Client)
    assert_type(Client.from_env(url="url"), Client)


def shape_of_a_static_method() -> None:
    assert_type(Client.check("url"), bool)


def shape_of_entering() -> None:
    with made() as client:
        assert_type(client, Client)


def shape_of_iterating() -> None:
    assert_type([user.id for user in made()], list[int])
    assert_type(next(iter(made())), User)


def shape_of_calling() -> None:
    assert_type(made()(User(1)), User)


def shape_of_operators() -> None:
    assert_type(made()[0], User)
    assert_type(len(made()), int)
    assert_type(made().best in made(), bool)


def shape_of_taking_twins() -> None:
    users = made().users
    assert_type(users.rename(User(1), "a"), User)
    assert_type(users.merge([User(1), User(2)]), int)
    assert_type(users.list(limit=1), list[User])
    assert_type(users.cache, dict[int, User])


def shape_of_errors() -> None:
    try:
        made().users.get(-1)
    except AcmeError as error:
        assert_type(error, AcmeError)
        assert_type(error.code, int)


def shape_of_originals() -> None:
    assert_type(Client.aio, type[AsyncClient])
    assert_type(made().aio, AsyncClient)
    assert_type(Box(1).aio, AsyncBox[int])


def shape_of_a_subclass_of_a_twin() -> None:
    class Mine(Client):
        def ping(self) -> bool:
            return not super().ping()

    assert_type(Mine("url").ping(), bool)
    assert_type(Mine("url").chained(), Mine)
    assert_type(Mine.connect("url"), Mine)


# Hooks


def shape_of_hooks() -> None:
    assert_type(made().each(str), list[str])
    assert_type(made().each(lambda n: "a" * n, str), list[str])


def shape_of_a_hook_whose_result_counts() -> None:
    def name_of(user: User) -> str:
        return user.name

    assert_type(made().convert(name_of), list[str])


def shape_of_a_protocol_hook() -> None:
    def greet(name: str, *, loud: bool = False) -> str:
        return name.upper() if loud else name

    assert_type(Client("url", greet=greet), Client)


def shape_of_a_hook_that_is_an_attribute() -> None:
    client = made()
    client.on_number = str
    assert_type(client.notify(), str)


def shape_of_registering_a_hook() -> None:
    client = made()

    @client.listener
    def on_number(number: int) -> str:
        return str(number)

    assert_type(client.notify(), str)


# Dataclasses and models


def shape_of_a_dataclass() -> None:
    user = User(1, ["a"], name="b")
    assert_type(user.id, int)
    assert_type(user.tags, list[str])
    assert_type(user.name, str)
    assert_type(user.score, float)
    assert_type(User.kind, str)


def shape_of_what_a_dataclass_sets_itself() -> None:
    assert_type(User(1, ["a"]).loaded, bool)


def shape_of_methods_of_a_dataclass() -> None:
    assert_type(User(1).friends(), list[User])
    assert_type(User(1).refresh(), bool)


def shape_of_a_frozen_dataclass() -> None:
    assert_type(Key("a", age=1).rotate(), Key)
    assert_type(Key("a").rotate().age, int)


def shape_of_a_pydantic_model() -> None:
    job = Job(id="a", steps=2)
    assert_type(job.id, str)
    assert_type(job.steps, int)
    assert_type(job.owner, str | None)
    assert_type(job.labels, list[str])
    assert_type(job.run(), int)
    assert_type(job.copies(), list[Job])


def shape_of_what_a_pydantic_model_has() -> None:
    assert_type(Job(id="a").model_dump(), dict[str, Any])
    assert_type(Job(id="a", marks=["b"]).model_dump_json(), str)


def shape_of_a_derived_model() -> None:
    job = BatchJob(id="a", size=2)
    assert_type(job.total(), int)
    assert_type(job.run(), int)
    assert_type(job.size, int)
    base: Job = job
    assert_type(base.id, str)


# Classes of classes


def shape_of_an_abstract_class() -> None:
    class MyAuth(Auth):
        @property
        def kind(self) -> str:
            return "Bearer"

        def token(self, scope: str) -> str:
            return scope

    assert_type(MyAuth().header(), str)
    assert_type(MyAuth().token("a"), str)


def shape_of_a_protocol() -> None:
    class MyStore(Store):
        def read(self, key: str) -> str:
            return key

    assert_type(MyStore().read("a"), str)
    assert_type(MyStore().keys(), list[str])


def shape_of_a_generic_class() -> None:
    assert_type(Box(1), Box[int])
    assert_type(Box(1).get(), int)
    assert_type(Box("a").inside, str)
    assert_type(Box(1).map("a"), Box[str])


def shape_of_two_type_variables() -> None:
    assert_type(Pair(1, "a"), Pair[int, str])
    assert_type(Pair(1, "a").swapped(), Pair[str, int])
    assert_type(Pair(1, "a").get(), int)
    assert_type(Pair(1, "a").value, str)


def shape_of_a_base_that_is_filled() -> None:
    assert_type(Text("a").get(), str)
    assert_type(Text("a").length(), int)
    assert_type(takes_a_box(Text("a")), AsyncBox[str])
    assert_type(Text("a").aio, AsyncText)


def shape_of_a_base_without_a_twin() -> None:
    pages = UserPages([User(1)])
    assert_type(pages.items, list[User])
    assert_type(pages.first, User)
    assert_type(pages.second, User | None)
    assert_type(pages.page(), list[User])
    assert_type(pages.by_name(), dict[str, User])
    assert_type(pages.add(User(2)), UserPages)
    assert_type(next(iter(pages)), User)
    assert_type(pages.count(), int)


def shape_of_what_is_derived_from_an_async_iterator() -> None:
    assert_type(next(Numbers(2)), int)
    assert_type(list(Numbers(2)), list[int])
    assert_type(Numbers(2).total(), int)


def shape_of_a_named_tuple() -> None:
    assert_type(Point(1).shifted(2), Point)
    assert_type(Point(1).y, int)


def shape_of_a_module() -> None:
    assert_type(plain.double(2), int)
    assert_type(plain.origin(), Point)
    assert_type(plain.Thing("a").renamed("b"), plain.Thing)
    assert_type(plain.Thing("a").name, str)


# Where sync users have functions for what they use


def takes_an_iterator(items: Iterator[User]) -> int:
    return sum(1 for _ in items)


def takes_a_context_manager(manager: AbstractContextManager[User]) -> str:
    with manager as user:
        return user.name


def takes_a_callable(find: Callable[[int], User]) -> int:
    return find(1).id


def takes_a_box(box: Box[str]) -> AsyncBox[str]:
    return box.aio


def takes_a_model(model: BaseModel) -> dict[str, Any]:
    return model.model_dump()


def shape_of_what_functions_of_users_take() -> None:
    assert_type(takes_an_iterator(made().stream()), int)
    assert_type(takes_a_context_manager(made().session("a")), str)
    assert_type(takes_a_callable(made().users.get), int)


async def used_by_async_code(client: Client) -> None:
    assert_type(await client.aio.find(1), AsyncUser)


def what_does_not_fit_is_refused(client: Client, user: AsyncUser) -> None:
    client.find(b"")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    client.each(len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client(user)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.users.merge([1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    client.nothing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018
    User("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Key("1").age = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
