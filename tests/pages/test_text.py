"""Numbers, times and hostile text, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from markdown_it import MarkdownIt

from pages.parts import text

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[press](javascript:alert(1))",
    "![](https://evil.example/pixel.png)",
    "**bold** _it_ ~~gone~~ `code`",
    "# heading\n- item\n1. one",
    "| a | b |\n|---|---|",
    "&lt;b&gt;",
)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.96491228, "0.9649"),
        (3012.77, "3,012.8"),
        (42, "42"),
        (12345, "12,345"),
        (1.2345e-7, "1.235e-07"),
        (None, "—"),
        (float("nan"), "nan"),
        (True, "True"),
    ],
)
def test_a_number_has_four_digits(value: float | None, said: str) -> None:
    assert text.number(value) == said


def test_sizes_and_durations_are_human() -> None:
    assert [text.size(n) for n in (0, 1, 999, 12_400_000, 3e9)] == [
        "0 bytes", "1 byte", "999 bytes", "12.4 MB", "3 GB",
    ]  # fmt: skip
    assert [text.duration(ms) for ms in (0.085, 3.14, 2400, 600_000)] == [
        "85 µs", "3.14 ms", "2.4 s", "10 min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=2, minutes=10), "2 hours ago"),
        (timedelta(days=40), "1 month ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_a_time_is_told_from_now(past: timedelta, said: str) -> None:
    assert text.ago(NOW - past, NOW) == said


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_escaped_name_is_one_paragraph_of_plain_text(hostile: str) -> None:
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text.escape(hostile))
    assert [b.type for b in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in blocks[1].children or []} == {"text"}


def test_an_escaped_name_keeps_its_words() -> None:
    shown = MarkdownIt("commonmark").parse(text.escape("a*b <c> :red[d]"))[1].children or []
    plain = "".join(child.content for child in shown)
    assert plain.replace("\u2060", "") == "a*b <c> :red[d]"


@pytest.mark.parametrize("active", [":red[x]", ":smile:", "https://e.xyz", "www.e.xyz", "a@b.xyz"])
def test_what_the_browser_would_act_on_is_broken_up(active: str) -> None:
    assert active not in text.escape(active).replace("\\", "")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_card_has_no_html_no_images_and_only_web_links(hostile: str) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).parse(text.card(f"# Title\n\n{hostile}"))
    children = [c for block in shown for c in block.children or []]
    assert not [t for t in (*shown, *children) if t.type in ("html_block", "html_inline", "image")]
    for link in (child for child in children if child.type == "link_open"):
        assert str(link.attrs["href"]).startswith(("http://", "https://"))


def test_a_card_keeps_what_it_may_say() -> None:
    said = text.card(
        "---\nlicense: mit\n---\n# T\n\n*a* **b** [c](https://d.example)\n\n- e\n  - f\n\n"
        "| g | h |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('<x>')\n```\n"
    )
    kinds = {token.type for token in MarkdownIt("commonmark").enable("table").parse(said)}
    assert {"heading_open", "bullet_list_open", "table_open", "fence"} <= kinds
    assert "[c](<https://d.example>)" in said
    assert "print('<x>')" in said
    assert "license" not in said
