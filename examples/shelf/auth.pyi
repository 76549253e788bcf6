# Written by `python -m sideloop stubs`. Run it again instead of editing.
# fmt: off
# ruff: noqa
from sideloop import AsyncOriginal
from abc import ABC, abstractmethod
from shelf._manager import manager as manager

class AsyncAuth(ABC):
    @abstractmethod
    async def token(self, refused: str | None) -> str: ...

class AsyncApiKey(AsyncAuth):
    key: str
    def __init__(self, key: str) -> None: ...
    async def token(self, refused: str | None) -> str: ...

class Auth(ABC):
    @abstractmethod
    def token(self, refused: str | None) -> str: ...
    @AsyncOriginal
    def aio(self) -> AsyncAuth: ...

class ApiKey(Auth):
    key: str
    def __init__(self, key: str) -> None: ...
    def token(self, refused: str | None) -> str: ...
    @AsyncOriginal
    def aio(self) -> AsyncApiKey: ...
