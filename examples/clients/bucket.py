"""aiobotocore for sync code, against moto.

Run it with `python examples/clients/bucket.py`. It needs aiobotocore, and moto with its server.
"""

from contextlib import ExitStack
from typing import Any

import aiobotocore.session
import servers

from sideloop import synced

serve = servers.buckets

# What its methods hand out has twins, too: clients, whose classes botocore makes, bodies, pages.
Session = synced(aiobotocore.session.AioSession, deep=True)


def open_client(address: str) -> Any:
    """A client for the length of a block."""
    return Session().create_client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="is needed",
    )


class Bucket:
    """A bucket, with a client of its own."""

    def __init__(self, address: str) -> None:
        self._stack = ExitStack()
        self.client = self._stack.enter_context(open_client(address))
        self.client.create_bucket(Bucket="shelf")

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def put(self, key: str, value: bytes) -> None:
        """Put something in."""
        self.client.put_object(Bucket="shelf", Key=key, Body=value)

    def get(self, key: str) -> bytes:
        """Read it."""
        with self.client.get_object(Bucket="shelf", Key=key)["Body"] as body:
            return bytes(body.read())

    def keys(self) -> list[str]:
        """All that is in it, page by page."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket="shelf", PaginationConfig={"PageSize": 2}
        )
        return [found["Key"] for page in pages for found in page["Contents"]]


def connect(address: str) -> Bucket:
    """A client, as any code of a sync user makes one."""
    return Bucket(address)


def ask(client: Bucket, n: int) -> str:
    """Ask something whose answer is `answer(n)`, whoever else is asking."""
    client.put(f"question-{n}", f"bucket {n}".encode())
    return client.get(f"question-{n}").decode()


def answer(n: int) -> str:
    """What `ask` returns."""
    return f"bucket {n}"


def tour(bucket: Bucket) -> None:
    """What else a sync program does with it."""
    for name in "abcde":
        bucket.put(name, name.encode() * 1000)
    print(bucket.keys())

    client = bucket.client
    body = client.get_object(Bucket="shelf", Key="a")["Body"]
    print(sum(len(chunk) for chunk in body.iter_chunks(256)))
    client.get_waiter("object_exists").wait(Bucket="shelf", Key="b")
    try:
        client.get_object(Bucket="shelf", Key="unknown")
    except client.exceptions.NoSuchKey as error:
        print(error.response["Error"]["Code"])


def main() -> None:
    """Serve, use, close."""
    with serve() as address, connect(address) as client:
        assert ask(client, 1) == answer(1)
        tour(client)


if __name__ == "__main__":
    main()
