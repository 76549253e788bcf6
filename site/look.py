"""Look at each page of the built site in a browser: on a desk and on a phone, by day and by night.

    python site/look.py SITE PICTURES [--only NAME]

A page must fit its width, fetch nothing from elsewhere (no other host has an address here), and say
nothing on the console. The search must find the page that has the answer, also from a disk.
The pictures are for people to look at.
"""

import argparse
import base64
import functools
import http.server
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LONGEST = 3000
"""Pixels of a page that a picture shows: longer ones take seconds each."""

THEMES = {"light": "default", "dark": "slate"}
"""What the theme calls the schemes that a browser can prefer."""

WIDER = """
const page = document.documentElement;
const wide = page.scrollWidth > page.clientWidth;
const found = [];
for (const one of wide ? document.body.querySelectorAll("*") : []) {
    const box = one.getBoundingClientRect();
    if (box.right > page.clientWidth + 1 && box.width > 0) found.push(one.outerHTML.slice(0, 80));
}
return wide ? [page.scrollWidth, found.slice(0, 3)] : null;
"""
"""How wide a page is and what makes it so, if that is more than the window."""

CUT = """
return [...document.querySelectorAll(".md-typeset__scrollwrap")]
    .filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.innerText.trim().slice(0, 60));
"""
"""Tables of which one sees a part until they are scrolled, as a phone cannot do without."""

PICTURES = """
return [...document.images].filter(one => one.complete && !one.naturalWidth).map(one => one.src);
"""
"""Pictures that are not there."""

FOUND = {
    "DeadlockError": "reference/errors.html",
    "run_sync": "reference/calls.html",
    "This event loop is already running": "symptoms/already-running.html",
    "attached to a different loop": "symptoms/different-loop.html",
    "bound to a different event loop": "symptoms/bound-loop.html",
    "Task was destroyed but it is pending": "symptoms/task-destroyed.html",
    "was never awaited": "symptoms/never-awaited.html",
    "Timeout context manager should be used inside a task": "symptoms/timeout-inside-task.html",
    "cannot schedule new futures after shutdown": "symptoms/futures-after-shutdown.html",
    "Event loop is closed": "symptoms/loop-closed.html",
    "Cannot start a runtime from within a runtime": "symptoms/runtime-within-runtime.html",
    "there is no reactor running": "symptoms/no-reactor.html",
    "hangs jupyter": "symptoms/hangs-in-jupyter.html",
    "hangs fork": "symptoms/hangs-after-fork.html",
    "hangs exit": "symptoms/hangs-at-exit.html",
    "hangs pytest": "symptoms/hangs-under-pytest.html",
}
"""What is typed into the search, and the page that has to come first."""

FIRST = """
const found = document.querySelector("a.md-search-result__link");
return found ? found.pathname : null;
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the base
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of the site."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own, for which no other host has an address."""
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
        try:
            yield driver
        finally:
            driver.quit()


def see_as(driver: webdriver.Chrome, address: str, size: str, scheme: str) -> None:
    """Have pages seen on such a screen, by who prefers such a scheme and was never here."""
    driver.get(f"{address}/404.html")
    driver.execute_script("localStorage.clear()")
    width, height = SIZES[size]
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"},
    )
    preferred = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in preferred.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def look_at(driver: webdriver.Chrome, address: str, size: str, scheme: str) -> Iterator[str]:
    """What is wrong with a page."""
    driver.get(address)
    if not driver.find_elements("css selector", f"body[data-md-color-scheme={THEMES[scheme]}]"):
        yield "has the other scheme"
    wider = driver.execute_script(WIDER)
    if wider is not None:
        yield f"is {wider[0]} wide: {json.dumps(wider[1])}"
    if size == "desktop":
        for table in driver.execute_script(CUT):
            yield f"has a table that is wider than the text: {json.dumps(table)}"
    for missing in driver.execute_script(PICTURES):
        yield f"lacks the picture {missing}"
    for entry in driver.get_log("browser"):
        yield f"says on the console: {entry['message']}"


def search(driver: webdriver.Chrome, address: str, sought: list[str]) -> Iterator[str]:
    """What is wrong with the search."""
    driver.get(address)
    driver.execute_script("document.querySelector('[data-md-toggle=search]').click()")
    box = driver.find_element("css selector", "input.md-search__input")
    try:
        WebDriverWait(driver, 30).until(lambda _: box.is_displayed())
    except TimeoutException:
        yield "does not open"
        return
    for typed in sought:
        page = FOUND[typed]
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(typed)
        try:
            WebDriverWait(driver, 30).until(
                lambda _, page=page: (driver.execute_script(FIRST) or "").endswith(f"/{page}")
            )
        except TimeoutException:
            yield f"has {driver.execute_script(FIRST)} first for {typed!r}"


def take_picture(driver: webdriver.Chrome, size: str, file: Path) -> None:
    """The page from its top, as far as one looks at once."""
    height = min(driver.execute_script("return document.documentElement.scrollHeight"), LONGEST)
    clip = {"x": 0, "y": 0, "width": SIZES[size][0], "height": height, "scale": 1}
    taken = driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
    )

    file.write_bytes(base64.b64decode(taken["data"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--only", default="", help="pages whose path has this in it")
    asked = parser.parse_args()
    pages = [
        file.relative_to(asked.site).as_posix()
        for file in sorted(asked.site.rglob("*.html"))
        if "rustdoc" not in file.parts and asked.only in file.as_posix()
    ]
    faults, sought = [], list(FOUND)  # all of it once, the last on each screen
    with served(asked.site) as address, browser() as driver:
        for size in SIZES:
            for scheme in THEMES:
                see_as(driver, address, size, scheme)
                folder = asked.pictures / f"{size}-{scheme}"
                folder.mkdir(parents=True, exist_ok=True)
                for page in pages:
                    found = list(look_at(driver, f"{address}/{page}", size, scheme))
                    faults += [f"{size}, {scheme}: {page} {fault}" for fault in found]
                    take_picture(driver, size, folder / f"{page.replace('/', '-')}.png")
                found = list(search(driver, f"{address}/index.html", sought))
                faults += [f"{size}, {scheme}: the search {fault}" for fault in found]
                take_picture(driver, size, folder / "search.png")
                sought = sought[-1:]
        found = list(search(driver, (asked.site.absolute() / "index.html").as_uri(), sought))
        faults += [f"from a disk: the search {fault}" for fault in found]
    print("\n".join(faults) or f"{len(pages)} pages, on each screen in each scheme: nothing wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
