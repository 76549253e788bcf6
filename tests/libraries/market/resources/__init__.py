"""What hangs below a client."""


class AsyncChat:
    async def create(self) -> str:
        return "x"
