"""openai's async client for sync code, against a server of this machine.

Run it with `python examples/clients/chat.py`. It needs openai.
"""

from typing import Any

import openai
import servers

from sideloop import synced

serve = servers.chat

# What its methods hand out has twins, too: resources, streams, pages.
OpenAI = synced(openai.AsyncOpenAI, deep=True)


def connect(address: str) -> Any:
    """A client, as any code of a sync user makes one."""
    return OpenAI(base_url=address, api_key="none is needed")


def ask(client: Any, n: int) -> str:
    """Ask something whose answer is `answer(n)`, whoever else is asking."""
    completion = client.chat.completions.create(model="parrot", messages=said(f"chat {n}"))
    return str(completion.choices[0].message.content)


def answer(n: int) -> str:
    """What `ask` returns."""
    return f"chat {n}"


def said(text: str) -> list[dict[str, str]]:
    """What a user says."""
    return [{"role": "user", "content": text}]


def tour(client: Any) -> None:
    """What else a sync program does with it."""
    # Streaming: an iterator, which is closed where the block ends.
    create = client.chat.completions.create
    with create(model="parrot", messages=said("word by word"), stream=True) as chunks:
        print([chunk.choices[0].delta.content for chunk in chunks])

    with client.chat.completions.stream(model="parrot", messages=said("once more")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        print(deltas, repr(stream.get_final_completion().choices[0].message.content))

    # Pagination: all of it by a `for` loop, or page by page.
    print([file.id for file in client.files.list(limit=3)])
    page = client.files.list(limit=3).result()
    print([file.id for file in page.data], [file.id for file in page.get_next_page().data])

    # Answers with their heads, other settings, errors.
    raw = client.chat.completions.with_raw_response.create(model="parrot", messages=said("raw"))
    print(raw.http_response.status_code, raw.parse().choices[0].message.content)
    print(ask(client.with_options(timeout=5, max_retries=1), 2))
    try:
        client.files.retrieve("unknown")
    except openai.NotFoundError as error:
        print(error.status_code)


def main() -> None:
    """Serve, use, close."""
    with serve() as address, connect(address) as client:
        assert ask(client, 1) == answer(1)
        tour(client)


if __name__ == "__main__":
    main()
