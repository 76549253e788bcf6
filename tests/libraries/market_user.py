"""What sync users get, for type checkers and when it is run."""

from market.api import api
from market.sync import Market, Row, connect
from typing_extensions import assert_type

from sideloop import SyncFuture

market = Market()
assert_type(market.result(), Market)
assert_type(market.info, int)
assert_type(market.chat.create(), str)
assert_type(market.resource.create(), str)
assert_type(market.get_five(), bytes)
assert_type(market.get_five("a"), bytes)
assert_type(market.get_named(1), bytes)
assert_type(market.get_named(1, m="b"), bytes)
assert_type(market.find(3), str)
assert_type(market.future(), int)
assert_type(market.task(), str)
assert_type(market.later(), int)
assert_type(market.later_property, int)
assert_type(market.post("x").text(), str)
assert_type(market.post("x").result().text(), str)
with market.post("x") as response:
    assert_type(response.text(), str)
for number in market.pages():
    assert_type(number, int)
assert_type(market.pages().result(), list[int])
with market.begin() as stream:
    assert_type(stream.read(), bytes)
assert_type(market.open().read(), bytes)
assert_type(market.streams()["a"][0].read(), bytes)
if (maybe := market.maybe()) is not None:
    assert_type(maybe.read(), bytes)

assert_type(market.started, SyncFuture[str])
assert_type(market.started.result(), str)
assert_type(market.ready.result(timeout=10).read(), bytes)
assert_type(market.spawn()[0].result().read(), bytes)
assert_type(market.gathered(market.spawn(3)), int)

row = Row(1)
assert_type(row.save(), int)
assert_type(row.n, int)
assert_type(row[0], int)
(first,) = row
assert_type(first, int)
assert_type(row._replace(n=2), Row)
assert_type(row.aio.n, int)
numbers: tuple[int] = row
assert_type(connect("a"), Market)

assert_type(api.Market().chat.create(), str)
assert_type(api.client.connect("a").info, int)
assert_type(api.client.Market(), api.Market)
assert_type(api.resources.Chat().create(), str)
with api.Market().post("x") as response_of_api:
    assert_type(response_of_api.text(), str)
