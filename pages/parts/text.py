"""Words and numbers for people: human sizes and times, and user text that cannot act as markup."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_SIZES = ("bytes", "kB", "MB", "GB", "TB")
_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30.4, "day"), (12, "month"))
_SAFE_LINK = re.compile(r"https?://[^\s<>\"'`\\]+\Z", re.IGNORECASE)
_ACTIVE = re.compile(r"(?<=:)(?=[\w+\[/-])|(?<=\w@)(?=\w)|(?<=www)(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"


def number(value: float | int | None, digits: int = 4) -> str:
    """To `digits` significant digits: 0.9649, 3012, 1.2e-07; "—" for None."""
    if value is None:
        return "—"
    if isinstance(value, bool) or not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.1f}"
    return f"{value:.{digits}g}"


def delta(value: float) -> str:
    """A signed difference: "+0.012", "−3.4", "0"."""
    if value == 0:
        return "0"
    return ("+" if value > 0 else "−") + number(abs(value), 3)


def size(size_bytes: int | float) -> str:
    """12.4 MB, in powers of 1000."""
    amount = float(size_bytes)
    for unit in _SIZES:
        if amount < 999.5 or unit == _SIZES[-1]:
            break
        amount /= 1000
    if unit == "bytes":
        return count(int(amount), "byte")
    return f"{amount:.3g} {unit}"


def duration(value_ms: float) -> str:
    """From milliseconds: 85 µs, 3.1 ms, 2.4 s, 4 min."""
    if value_ms < 1:
        return f"{value_ms * 1000:.0f} µs"
    if value_ms < 999.5:
        return f"{value_ms:.3g} ms"
    if value_ms < 120_000:
        return f"{value_ms / 1000:.3g} s"
    return f"{value_ms / 60_000:.0f} min"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """2 hours ago; "never" for None."""
    if at is None:
        return "never"
    amount = ((now or datetime.now(UTC)) - at).total_seconds()
    if amount < 45:
        return "just now"
    for step, unit in _STEPS:
        if round(amount) < step:
            return f"{count(round(amount), unit)} ago"
        amount /= step
    return f"{count(round(amount), 'year')} ago"


def moment(at: datetime | None) -> str:
    """The exact time: 2026-03-03 14:05:09 UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "never"


def count(n: int, noun: str, plural: str = "") -> str:
    """1 version, 2 versions."""
    return f"{number(n)} {noun if n == 1 else plural or noun + 's'}"


def stars(average: float | None, n_votes: int) -> str:
    """An average rating in a table: "★ 4.3 (12)"; "" without votes."""
    return "" if average is None else f"★ {average:.1f} ({n_votes})"


def short(digest: str) -> str:
    """The first 12 digits of a digest or an id."""
    return digest[:12]


def listing(names: list[str] | tuple[str, ...], most: int = 6) -> str:
    """a, b, c and 4 more."""
    shown = ", ".join(str(n) for n in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def clean(value: Any, most: int = 300) -> str:
    """Anything as one line without control or direction characters, cut at `most`."""
    line = _INVISIBLE.sub(" ", str(value)).strip()
    return line if len(line) <= most else line[: most - 1] + "…"


def escape(value: Any, most: int = 300) -> str:
    """User text for a Markdown label: every mark is literal, nothing links, nothing colours.

    A joiner that takes no room keeps the browser from reading `:name:`, `https://`, `www.`
    and `a@b.c` as emoji, icons and links, which it does after backslashes are gone.
    """
    return _PUNCTUATION.sub(r"\\\1", _ACTIVE.sub(_JOINER, clean(value, most)))


def is_link(url: str) -> bool:
    """Whether the address may be shown as a link: http or https, no spaces, no quotes."""
    return bool(_SAFE_LINK.match(url))


def card(markdown: str) -> str:
    """A card's Markdown made safe to render: no HTML, no images, links only to http(s).

    The text is parsed, and whatever must not be is taken out of the source; the front matter of
    a Hub card is left out, because the page shows those facts itself.
    """
    body = re.sub(r"\A---\r?\n.*?\r?\n---\r?\n", "", markdown, count=1, flags=re.DOTALL)
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    return _write(parser.parse(body))


def _write(tokens: list[Token]) -> str:
    """Block tokens back to Markdown, inline parts rebuilt from what is allowed."""
    lines: list[str] = []
    marks: list[str] = []
    fresh = ""
    for position, token in enumerate(tokens):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            marks.append("1. " if token.type.startswith("ordered") else "- ")
        elif token.type == "blockquote_open":
            marks.append("> ")
        elif token.type in ("bullet_list_close", "ordered_list_close", "blockquote_close"):
            marks.pop()
            lines += [""] if not marks else []
        elif token.type == "list_item_open":
            fresh = marks[-1]
        elif token.type == "hr":
            lines += ["---", ""]
        elif token.type in ("fence", "code_block"):
            lines += _block(token.content.rstrip("\n"), marks, fresh, info=token.info)
            fresh = ""
        elif token.type == "inline":
            lines += _line(tokens[position - 1], token, marks, fresh)
            fresh = ""
        elif token.type in ("tr_open", "tr_close", "thead_close", "table_close"):
            lines += _row(token, tokens, position)
    return "\n".join(lines).strip()


def _indent(marks: list[str], fresh: str) -> tuple[str, str]:
    """What stands before the first and the following lines at this depth."""
    rest = "".join("> " if mark == "> " else "   " for mark in marks)
    outer = "".join("> " if mark == "> " else "   " for mark in marks[:-1])
    return (outer + fresh if fresh else rest), rest


def _block(content: str, marks: list[str], fresh: str, info: str) -> list[str]:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", content)), 3)
    first, rest = _indent(marks, fresh)
    language = re.sub(r"\W", "", info.split(" ")[0]) if info else "text"
    body = [f"{fence}{language}", *content.split("\n"), fence]
    return [(first if i == 0 else rest) + line for i, line in enumerate(body)] + [""]


def _line(opener: Token, token: Token, marks: list[str], fresh: str) -> list[str]:
    content = _inline(token.children or [])
    if opener.type in ("th_open", "td_open"):
        return []
    first, rest = _indent(marks, fresh)
    if opener.type == "heading_open":
        level = min(6, int(opener.tag[1]) + 2)
        return [f"{first}{'#' * level} {content.replace(chr(10), ' ')}", ""]
    lines = content.split("\n")
    body = [(first if i == 0 else rest) + line for i, line in enumerate(lines)]
    return body if opener.hidden else [*body, rest.rstrip()]


def _row(token: Token, tokens: list[Token], position: int) -> list[str]:
    """A row of a table, written when its tr opens."""
    if token.type == "table_close":
        return [""]
    if token.type != "tr_open":
        return []
    cells: list[str] = []
    heads = 0
    for cell in tokens[position + 1 :]:
        if cell.type == "tr_close":
            break
        heads += cell.type == "th_open"
        if cell.type == "inline":
            cells.append(_inline(cell.children or []).replace("\n", " "))
    row = "| " + " | ".join(cells) + " |"
    return [row, "|" + " --- |" * len(cells)] if heads else [row]


def _inline(children: list[Token]) -> str:
    """Inline tokens back to Markdown; text escaped, images and unsafe links become their text."""
    out: list[str] = []
    links: list[str] = []
    marks = {"strong_open": "**", "strong_close": "**", "em_open": "*", "em_close": "*"}
    marks |= {"s_open": "~~", "s_close": "~~", "softbreak": "\n", "hardbreak": "  \n"}
    for child in children:
        if child.type == "text":
            out.append(_text(child.content))
        elif child.type == "code_inline":
            fence = "``" if "`" in child.content else "`"
            out.append(f"{fence}{child.content}{fence}")
        elif child.type == "image":
            out.append(escape(child.content))
        elif child.type == "link_open":
            href = str(child.attrs.get("href", ""))
            links.append(href if is_link(href) else "")
            out.append("[" if links[-1] else "")
        elif child.type == "link_close":
            href = links.pop()
            out.append(f"](<{href}>)" if href else "")
        else:
            out.append(marks.get(child.type, ""))
    return "".join(out)


def _text(content: str) -> str:
    """Escaped, with the spaces at both ends kept."""
    inner = escape(content, most=len(content) + 1)
    left = content[: len(content) - len(content.lstrip())]
    right = content[len(content.rstrip()) :]
    return f"{left}{inner}{right}" if inner else content
