"""The sync half."""

from feeds._feed import AsyncEntry, AsyncFeed
from feeds._feed import apply as async_apply
from sideloop import synced

Entry = synced(AsyncEntry)
Feed = synced(AsyncFeed)
apply = synced(async_apply)
