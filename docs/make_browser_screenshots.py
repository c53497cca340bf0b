"""Make the pictures of the browser tutorial: `make docs`, or ``python docs/make_browser_screenshots.py [folder]
[--only part]``.

Starts `make web`'s program, works its page with the mouse in Chromium, and takes pictures of what is on the screen.
Needs Playwright and Debian's chromium (or CHROMIUM=path).
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SIZE = {"width": 1280, "height": 720}
SEED = "7"
QUALITY = 78
# Where the tutorial clicks: in the right lobe of the liver, as a fraction of the axial view.
LIVER_IN_AXIAL = (0.38, 0.47)
PATIENCE_MS = 900_000


class Browser:
    """The page in a browser.

    Args:
        page: Playwright's page, on the program's address.
        folder: where the pictures go.
    """

    def __init__(self, page: Any, folder: Path) -> None:
        self.page, self.folder = page, folder

    def save(self, name: str) -> None:
        """A JPEG of the screen, when the views have come to rest."""
        from PIL import Image

        self.page.mouse.move(470, 21)  # off views and buttons: nothing is highlighted
        self.page.evaluate("document.querySelectorAll('.scroll').forEach(part => { part.scrollTop = 0 })")
        self.page.wait_for_timeout(2500)
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        picture.save(self.folder / f"{name}.jpg", quality=QUALITY, optimize=True)
        print(f"{name}.jpg")

    def wait_for_surfaces(self) -> None:
        """Until the organs have appeared in the 3-D view, which comes last."""
        from PIL import Image

        for _second in range(60):
            shot = self.page.locator(".layout-grid-item", has_text="3-D").first.screenshot()
            middle = Image.open(io.BytesIO(shot)).convert("L")
            if middle.crop((100, 60, middle.width - 100, middle.height - 40)).getextrema()[1] > 100:
                return
            self.page.wait_for_timeout(1000)

    def press(self, what: str) -> None:
        """Press what is marked for tests with this name."""
        self.page.locator(f"[data-test={what}]:visible").first.click()

    def place(self) -> None:
        """Click a place into the liver."""
        self.press("place")
        self.page.wait_for_selector("[data-test=place]:has-text('Click in a slice view')")
        box, (x, y) = self.page.locator(".layout-grid-item").first.bounding_box(), LIVER_IN_AXIAL
        x, y = box["x"] + x * box["width"], box["y"] + y * box["height"]
        self.page.mouse.move(x - 8, y - 5)
        self.page.mouse.move(x, y)
        self.page.wait_for_timeout(1000)
        self.page.mouse.down()
        self.page.mouse.up()
        self.page.wait_for_selector("[data-test=points]:visible:has-text('1 point')", timeout=20_000)

    def zoom(self, view: int, clicks: int) -> None:
        """Ctrl + wheel in a view, about its middle."""
        box = self.page.locator(".layout-grid-item").nth(view).bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.keyboard.down("Control")
        for _click in range(clicks):
            self.page.mouse.wheel(0, -100)
            self.page.wait_for_timeout(150)
        self.page.keyboard.up("Control")

    def keep_seed(self) -> None:
        """The same lesion in the pictures each time."""
        advanced = self.page.locator("details.advanced:visible").first
        advanced.locator("summary").click()
        field = advanced.locator("[data-test=seed] input, input[data-test=seed]").first
        field.fill(SEED)
        field.press("Tab")
        advanced.locator("summary").click()

    def run(self) -> None:
        """Make it, and wait for the result."""
        self.page.click("[data-test=run]:not([disabled])")
        self.page.wait_for_selector("[data-test=tab-result].chosen", timeout=PATIENCE_MS)
        self.page.locator("[data-test=lesion]:visible").first.wait_for(timeout=30_000)


def draw(browser: Browser) -> None:
    """The page as it opens; a place; before and after."""
    page = browser.page
    browser.save("browser-start")
    page.get_by_role("button", name="Window").click()
    page.get_by_text("Liver", exact=True).click()
    browser.keep_seed()
    browser.place()
    browser.save("browser-place")
    browser.run()
    browser.press("mode-SIDE_BY_SIDE")
    page.wait_for_timeout(1500)
    browser.zoom(0, 6)
    browser.save("browser-compare")


def grow(browser: Browser) -> None:
    """A tumour in the middle of its growth."""
    page = browser.page
    browser.press("undo")
    page.wait_for_timeout(2500)  # a line that says so comes in above, and moves what is below it
    browser.press("tab-make")
    page.click(".tool-choice")
    page.click(".v-overlay--active .v-list-item:has-text('Grow a tumour')")
    browser.keep_seed()
    browser.place()
    browser.run()
    slider = page.locator("[data-test=growth] .v-slider").bounding_box()
    page.mouse.click(slider["x"] + 0.75 * slider["width"], slider["y"] + slider["height"] / 2)
    for view in (0, 1, 3):
        browser.zoom(view, 5)
    browser.save("browser-growth")


def cohort(browser: Browser) -> None:
    """Four hearts as a contact sheet, one of them in the views."""
    page = browser.page
    browser.press("tab-make")
    page.click(".tool-choice")
    page.click(".v-overlay--active .v-list-item:has-text('Generate a cohort')")
    ranges = page.get_by_label("Ranges")
    ranges.fill("lv_volume_ml=90..140")
    ranges.press("Tab")
    page.wait_for_timeout(800)
    browser.keep_seed()
    page.click("[data-test=run]:not([disabled])")
    page.locator("[data-test=case]:visible").first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)
    browser.save("cohort-browser")


def sequence(browser: Browser) -> None:
    """A phantom's DIR from its FLAIR and T1w, beside them."""
    page = browser.page
    for title, sentence, wanted in (("Brain phantom", "Makes a brain", "lesion"),
                                    ("Compute a missing", "Computes a sequence", "told")):
        browser.press("tab-make")
        page.click(".tool-choice")
        page.click(f".v-overlay--active .v-list-item:has-text('{title}')")
        if wanted == "told":  # what nearly every protocol has
            page.evaluate("['t2w', 'pd'].forEach(name => window.trame.state.set('in_volume_' + name, null))")
        page.locator(".sentence:visible", has_text=sentence).wait_for()
        browser.keep_seed()
        page.wait_for_timeout(1500)
        page.click("[data-test=run]:not([disabled])")
        page.wait_for_selector("[data-test=tab-result].chosen", timeout=PATIENCE_MS)
        page.locator(f"[data-test={wanted}]:visible").first.wait_for(timeout=PATIENCE_MS)
        page.wait_for_timeout(3000)
    page.keyboard.press("u")
    browser.save("sequence-browser")


def lesions(browser: Browser) -> None:
    """A lesion drawn and a tumour grown."""
    draw(browser)
    grow(browser)


PARTS = {"lesions": lesions, "cohort": cohort, "sequence": sequence}


def main() -> None:
    """Make them all, or those of some parts."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="make docs", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures", help="where they go")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="parts to make; all if left out")
    wanted = parser.parse_args()
    folder = wanted.folder
    if not Path(CHROMIUM).is_file():
        raise SystemExit(f"No Chromium at {CHROMIUM}: the browser's pictures stay as they are. Set CHROMIUM=path.")
    folder.mkdir(parents=True, exist_ok=True)
    program = subprocess.Popen(
        [sys.executable, "-m", "synthetic_imaging_web"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert program.stdout is not None
        address = next(found[0] for line in program.stdout if (found := re.search(r"http://\S+", line)))
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
            )
            page = chromium.new_page(viewport=SIZE)
            page.goto(address)
            page.locator("[data-test=run]:enabled").wait_for(timeout=PATIENCE_MS)
            browser = Browser(page, folder)
            browser.wait_for_surfaces()
            try:
                for name in wanted.only:
                    PARTS[name](browser)
            except Exception:
                failed = Path(tempfile.gettempdir()) / "synthetic-imaging-page.png"
                page.screenshot(path=failed)
                print(f"what was on the screen: {failed}", file=sys.stderr)
                raise
            chromium.close()
    finally:
        program.terminate()
        program.wait(20)


if __name__ == "__main__":
    main()
