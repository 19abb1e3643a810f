"""A page in Debian's Chromium: what it shows, what it complains of, and whom it asks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.support.lacking import do_without

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

_PATIENCE_S: Final = 30.0
_VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 900}
_MOVE: Final = """(wanted) => new Promise((done) => {
  const before = location.href;
  addEventListener("hashchange", () => done(), { once: true });
  location.hash = wanted;
  if (location.href === before) done();
})"""


@dataclass
class Opened:
    """A page, with what went wrong on it and every address that it asked for."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: Path, address: str = "") -> None:
        """Show an address of a report, and wait until all of it is drawn."""
        if self.page.url.partition("#")[0] == path.as_uri():
            self.page.evaluate(_MOVE, f"#/{address}")
        else:
            self.page.goto(f"{path.as_uri()}#/{address}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page is drawn, with what it has to unpack."""
        self.page.wait_for_selector("#nav a[aria-current]")
        self.page.wait_for_selector('[aria-busy="true"]', state="detached")

    def forget(self) -> None:
        """Be as new, for another test: an empty page, in the light, with nothing noted."""
        self.page.goto("about:blank")
        self.page.set_viewport_size(_VIEWPORT)
        self.page.emulate_media(media="screen", color_scheme="light", reduced_motion="no-preference")
        self.troubles.clear()
        self.asked.clear()

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def count(self, selector: str = "*") -> int:
        number: int = self.page.evaluate("selector => document.querySelectorAll(selector).length", selector)
        return number

    def until(self, expression: str, wanted: Any = True) -> None:
        """Wait until an expression of the page comes to `wanted`; the page's policy lets nothing of ours wait in it."""
        deadline = time.monotonic() + _PATIENCE_S
        while (found := self.page.evaluate(expression)) != wanted:
            assert time.monotonic() < deadline, f"{expression}: {found!r}, not {wanted!r}"
            self.page.wait_for_timeout(20)

    @property
    def address(self) -> str:
        """What stands after the `#` of the address."""
        hash: str = self.page.evaluate("location.hash")
        return hash


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium; skip where there is none."""
    path = shutil.which("chromium")
    if path is None:
        do_without("no chromium is installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, **context: Any) -> Iterator[Opened]:
    """Open an empty page; whatever it asks of others than the disk is noted, and refused."""
    made = browser.new_context(**{"viewport": _VIEWPORT, **context})
    result = Opened(made.new_page())
    page = result.page
    page.on("console", lambda said: result.troubles.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: result.troubles.append(str(error)))
    page.on("dialog", lambda dialog: (result.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: result.asked.append(request.url))
    made.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
    yield result
    made.close()
