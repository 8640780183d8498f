"""What is wrong with a page in a browser: axe's violations, what does not fit, what the keyboard does not reach."""
# pyright: reportMissingImports=false

from collections.abc import Sequence
from typing import Any

DRAWN_WITHIN = 3_000  # milliseconds that a page may take to draw itself anew in another size
WIDTH = 320  # of a small telephone, or of a large screen at 400 % (WCAG 1.4.10)

_AXE = """async () => (await axe.run({resultTypes: ['violations']})).violations.map(
  one => `${one.id}: ${one.help} (${one.nodes.map(node => node.html).join(' ')})`)"""
_WORN = """scheme => matchMedia(`(prefers-color-scheme: ${scheme})`).matches
  && [undefined, scheme].includes(document.documentElement.dataset.theme)"""
_FITS = "() => document.documentElement.scrollWidth <= innerWidth"
_WIDER = """() => [...document.querySelectorAll('*')].filter(one => {
  const box = one.getBoundingClientRect()
  return box.right > innerWidth + 1 || box.left < -1 || (one.scrollWidth > one.clientWidth + 1 && one.clientWidth
    && !['INPUT'].includes(one.tagName))
}).map(one => `${one.tagName} ${one.textContent.slice(0, 40)}`)"""
_FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one)
  const isShown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 1
  return [one === document.body ? '' : one.innerText || one.name, isShown]
}"""


async def wear(page: Any, scheme: str) -> None:
    """Has the system ask for a scheme of colours, and waits until the page wears it."""
    await page.emulate_media(color_scheme=scheme)
    await page.wait_for_function(_WORN, arg=scheme)


async def violations(page: Any) -> list[str]:
    """Returns what axe objects to, as the page is and in the other scheme of colours."""
    from axe_playwright_python.base import AXE_SCRIPT

    found: list[str] = []
    await page.evaluate(AXE_SCRIPT)
    for scheme in ("dark", "light"):
        await wear(page, scheme)
        found += [f"{scheme}: {one}" for one in await page.evaluate(_AXE)]
    return found


async def overflowing(page: Any) -> list[str]:
    """Returns what a narrow screen does not hold, with the text as it is and at twice its size."""
    from playwright.async_api import TimeoutError

    usual, found = page.viewport_size, []
    await page.set_viewport_size({"width": WIDTH, "height": 640})
    for size in ("100%", "200%"):
        await page.evaluate("size => document.documentElement.style.fontSize = size", size)
        try:
            await page.wait_for_function(_FITS, timeout=DRAWN_WITHIN)
        except TimeoutError:
            found += [f"{size}: {one}" for one in await page.evaluate(_WIDER)] or [f"{size}: the page"]
    await page.evaluate("() => document.documentElement.style.fontSize = ''")
    await page.set_viewport_size(usual)
    return found


async def focus_order(page: Any, most: int = 12) -> Sequence[tuple[str, bool]]:
    """Returns what the Tab key reaches, one after the other, and whether each shows it."""
    await page.evaluate("() => document.activeElement.blur()")
    order: list[tuple[str, bool]] = []
    for _ in range(most):
        await page.keyboard.press("Tab")
        name, is_shown = await page.evaluate(_FOCUSED)
        if not name or (order and name == order[0][0]):
            break
        order.append((name.strip(), is_shown))
    return order
