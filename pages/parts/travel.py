"""From page to page, so that the browser's back button finds each as it was left.

Streamlit puts the next page's query behind this page's path first and changes the path after: the
browser remembers one address too many. Whoever comes back to that one is given what was there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

_HERE, _LEFT = "travel.here", "travel.left"
_MOST = 50

Query = Mapping[str, str | Sequence[str]]
Plain = tuple[tuple[str, tuple[str, ...]], ...]


def arrive(page: StreamlitPage) -> None:
    """Note which page this is; called before it runs."""
    st.session_state[_HERE] = page.url_path
    left = _left().get((page.url_path, _plain(_query())))
    if left is not None:
        st.query_params.from_dict({name: list(values) for name, values in left})


def go(page: str, query: Query) -> NoReturn:
    """Open a page, by its file, with a query in place of this one's."""
    here = st.session_state.get(_HERE, "")
    if query and here != PurePath(page).stem:
        left = _left()
        left[here, _plain(query)] = _plain(_query())
        for oldest in list(left)[:-_MOST]:
            del left[oldest]
    st.switch_page(page, query_params=dict(query))


def _left() -> dict[tuple[str, Plain], Plain]:
    """Path and the query that does not belong to it, to the query that does."""
    left: dict[tuple[str, Plain], Plain] = st.session_state.setdefault(_LEFT, {})
    return left


def _query() -> dict[str, Any]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _plain(query: Query) -> Plain:
    listed = ((name, [v] if isinstance(v, str) else list(v)) for name, v in query.items())
    return tuple(sorted((name, tuple(values)) for name, values in listed))


def origin() -> str:
    """The address of this server as the browser knows it, without the page."""
    url = str(st.context.url or "")
    return "/".join(url.split("/")[:3]) if url.startswith("http") else ""
