"""What a reader sees of a page: its texts, line by line, and its tables, row by row."""

from __future__ import annotations

import re
from html import unescape

# What does not end a line.
INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s",
    "samp", "small", "span", "strong", "sub", "sup", "time", "tspan", "u", "var", "wbr",
}  # fmt: skip
UNSEEN = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
# A tag with its attributes, a comment or declaration, or a text.
PART = re.compile(
    r"""<(/?)([a-zA-Z][\w-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>|<!.*?>|([^<]+|<)""", re.DOTALL
)
SPOKEN = re.compile(r'\b(alt|aria-label|title|placeholder)="([^"]+)"')


class _Lines:
    """The lines so far, the line that is not at its end, and the cells of the row that is not."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.row: list[str] | None = None

    def end(self) -> None:
        text = " ".join(unescape("".join(self.line)).split())
        self.line.clear()
        if self.row:
            self.row[-1] = f"{self.row[-1]} {text}".strip()
        elif text:
            self.lines.append(text)

    def tag(self, name: str, attributes: str, *, is_end: bool) -> None:
        if name not in INLINE:
            self.end()
        if name == "tr":
            if is_end and self.row is not None:
                self.lines.append(f"| {' | '.join(self.row)} |")
            self.row = None if is_end else []
        elif name in {"td", "th"} and not is_end and self.row is not None:
            self.row.append("")
        self.line += [f" [{what}: {text}] " for what, text in SPOKEN.findall(attributes)]


def page_text(page: str) -> str:
    """Return the texts and tables of a page or of a part of one, also those of its charts."""
    found = _Lines()
    for end, name, attributes, text in PART.findall(UNSEEN.sub("", page)):
        if name:
            found.tag(name.lower(), attributes, is_end=bool(end))
        else:
            found.line.append(text)
    found.end()
    return "".join(f"{line}\n" for line in found.lines)
