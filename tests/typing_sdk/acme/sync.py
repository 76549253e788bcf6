"""The twins of what other modules define."""

from acme import plain as async_plain
from acme._base import (
    AsyncAuth,
    AsyncBox,
    AsyncNumbers,
    AsyncPair,
    AsyncStore,
    AsyncText,
)
from acme._client import AsyncClient, AsyncUserPages, AsyncUsers
from acme._models import AsyncBatchJob, AsyncJob, AsyncKey, AsyncUser
from sideloop import LoopManager

manager = LoopManager(scope="process", name="acme")

Box = manager.synced(AsyncBox)
Pair = manager.synced(AsyncPair)
Text = manager.synced(AsyncText)
Auth = manager.synced(AsyncAuth)
Store = manager.synced(AsyncStore)
Numbers = manager.synced(AsyncNumbers)
User = manager.synced(AsyncUser)
Key = manager.synced(AsyncKey)
Job = manager.synced(AsyncJob)
BatchJob = manager.synced(AsyncBatchJob)
Users = manager.synced(AsyncUsers)
UserPages = manager.synced(AsyncUserPages)
Client = manager.synced(AsyncClient)
plain = manager.synced(async_plain)
