"""Code for a call: Python on this machine, Python over HTTP, curl. Data in it is only ever data.

Names and values come from strangers: in Python they are written by `ascii`, in the shell as one
quoted word of JSON in ASCII, so that nothing in them ends a string or hides from the reader.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from datetime import date
from typing import Any
from urllib.parse import quote, urlsplit

import streamlit as st

from registry.records import Actor, Version

_LONG = 2_000
_FILE = "input.json"
_LOADED = f'json.load(open("{_FILE}"))["{{form}}"]'
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
_OPEN = """from getpass import getpass

from registry import accounts{topics}
from registry.core import open_registry

reg = open_registry()
me = accounts.sign_in(reg, {username}, getpass())
"""


def show(actor: Actor, version: Version, rows: Any, key: str) -> None:
    """A call in three languages; a long input is a file to download beside them.

    Args:
        rows: This very input; None for what a version can do, with its example.
    """
    body = body_of(version, example(version) if rows is None else rows)
    write = load if rows is None else call
    server = server_of(st.context.url)
    here, http, shell = st.tabs(["Python", "Python over HTTP", "curl"], key=f"{key}.language")
    here.code(write(version, actor.username, body), language="python", wrap_lines=True)
    http.code(over_http(server, version, body), language="python", wrap_lines=True)
    shell.code(curl(server, version, body), language="bash", wrap_lines=True)
    for tab in (http, shell):
        tab.caption("`VITRINE_TOKEN` holds a token that may predict: make one under Account.")
    http.caption(
        "Elsewhere it needs httpx and `client.py`, `remote.py`, `errors.py` of `registry/`."
    )
    if _is_long(body):
        st.download_button(
            f"Download {_FILE}", body, _FILE, "application/json", key=f"{key}.body",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def load(version: Version, username: str, body: str) -> str:
    """Look at a version, let it answer its example, log a metric."""
    rows = _source(version, body)
    if not rows:
        rows = "[version.schema.example]" if _form(version) == "rows" else "version.schema.example"
    return (
        _OPEN.format(topics=", metrics, predict, versions", username=ascii(username))
        + f"\nversion = versions.get(reg, me, {version.ref!a})\n"
        + f"answer = predict.predict(reg, me, version.ref, {rows})\n"
        + "print(answer.outputs, answer.latency_ms)\n"
        + "# metrics.log(reg, me, version.ref, {'f1': 0.93}, dataset='held out')"
    )


def call(version: Version, username: str, body: str) -> str:
    """The call as the page makes it, for a notebook on this machine."""
    given = _source(version, body)
    return (
        ("" if given else "import json\n")
        + _OPEN.format(topics=", predict", username=ascii(username))
        + f"\nrows = {given or _LOADED.format(form=_form(version))}\n"
        + f"answer = predict.predict(reg, me, {version.ref!a}, rows)\n"
        + "print(answer.outputs)"
    )


def over_http(server: str, version: Version, body: str) -> str:
    """The call for Python on any machine, by our client."""
    given = _source(version, body) or _LOADED.format(form=_form(version))
    return (
        "import json\nimport os\n\nfrom registry.client import Vitrine\n\n"
        f"rows = {given}\n"
        f"with Vitrine({server!a}, os.environ['VITRINE_TOKEN']) as vitrine:\n"
        f"    answer = vitrine.predict({version.ref!a}, rows)\n"
        "print(json.dumps(answer.outputs))"
    )


def curl(server: str, version: Version, body: str) -> str:
    """The call for a POSIX shell."""
    given = f"@{_FILE}" if _is_long(body) else shlex.quote(body)
    return (
        f"curl --silent --show-error --fail-with-body {shlex.quote(_address(server, version))} \\\n"
        '  --header "Authorization: Bearer $VITRINE_TOKEN" \\\n'
        '  --header "Content-Type: application/json" \\\n'
        f"  --data-binary {given}"
    )


def body_of(version: Version, rows: Any) -> str:
    """The body of the call as JSON in ASCII: arrays as lists, times as ISO 8601, NaN as null."""
    data = {_form(version): rows}
    try:
        return json.dumps(data, default=_said, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(data, default=_said), parse_constant=lambda _: None)
        return json.dumps(finite)


def example(version: Version) -> Any:
    """The example of the version as it is asked: a list of one row, or named tensors."""
    row = version.schema.example if version.schema else {}
    return [row] if _form(version) == "rows" else row


def server_of(url: str | None) -> str:
    """The address of the server, as the visitor's browser knows it from the page's."""
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        return "http://localhost:8501"
    return f"{parts.scheme}://{parts.netloc}{quote(parts.path.rpartition('/')[0])}"


def _address(server: str, version: Version) -> str:
    return f"{server}/api/v1/models/{quote(version.model)}/predict?version={version.number}"


def _form(version: Version) -> str:
    tensors = version.schema is not None and version.schema.kind == "tensors"
    return "inputs" if tensors else "rows"


def _is_long(body: str) -> bool:
    return len(body) > _LONG


def _source(version: Version, body: str) -> str:
    """Data as Python source; "" when it is too long to read."""
    return "" if _is_long(body) else ascii(json.loads(body)[_form(version)])


def _said(value: Any) -> Any:
    """What `json` does not know."""
    if callable(to_list := getattr(value, "tolist", None)):
        return to_list()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
