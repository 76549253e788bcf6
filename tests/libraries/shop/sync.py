"""The twins of what other modules define."""

from shop._client import AsyncClient
from shop._models import AsyncBox, AsyncItem
from sideloop import LoopManager

manager = LoopManager(scope="process")

Item = manager.synced(AsyncItem)
Box = manager.synced(AsyncBox)
Client = manager.synced(AsyncClient)
