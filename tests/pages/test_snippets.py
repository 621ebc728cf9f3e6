"""Code for a call says exactly that call, whatever strangers put into names and values."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages.parts import snippets
from registry import predict
from registry.core import Registry
from registry.records import Actor, Field, Schema, Tensor, Version
from tests.house_rules import ROOT

HOSTILE = (
    "'; touch owned; '", '"$(touch owned)"', "`touch owned`", "$VITRINE_TOKEN", "a\nb\r\0c", "\\'",
    "!!", "*", "@/etc/passwd", "%s {x}", "\u202egnp.exe", "é😀", "\ud800", "-d @x", "</script>",
    "'''", '"""', "#", "&& x", "| y", "~",
)  # fmt: skip


class Heard(http.server.ThreadingHTTPServer):
    """Notes what it is sent, and answers as our server would."""

    requests: list[tuple[str, dict[str, str], bytes]]


class _Ear(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        given = self.rfile.read(length)
        assert isinstance(self.server, Heard)
        heard = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, heard, given))
        said = b'{"ref": "alice/iris@1", "n_rows": 1, "outputs": {}, "latency_ms": {}}'
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def heard() -> Iterator[Heard]:
    server = Heard(("127.0.0.1", 0), _Ear)
    server.requests = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def run(language: str, code: str, folder: Path) -> str:
    """Run a snippet in an empty folder, with a token in the environment."""
    started = {"curl": ["/bin/sh", "-eu"], "python": [sys.executable, "-"]}[language]
    done = subprocess.run(
        started, input=code.encode(), cwd=folder, capture_output=True, timeout=60, check=False,
        env={"VITRINE_TOKEN": "vtr_x", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def sent(language: str, heard: Heard, version: Version, rows: Any, folder: Path) -> Any:
    """What arrives at the server when the snippet runs."""
    server = f"http://127.0.0.1:{heard.server_port}"
    write = {"curl": snippets.curl, "python": snippets.over_http}[language]
    run(language, write(server, version, snippets.body_of(version, rows)), folder)
    path, headers, body = heard.requests.pop()
    assert path == f"/api/v1/models/{version.model}/predict?version={version.number}"
    assert headers["authorization"] == "Bearer vtr_x"
    assert headers["content-type"] == "application/json"
    return json.loads(body)


@pytest.fixture
def version(iris: Version) -> Version:
    return iris


@pytest.mark.parametrize("language", ["curl", "python"])
def test_hostile_text_arrives_as_it_is_and_does_nothing(
    language: str, heard: Heard, version: Version, tmp_path: Path
) -> None:
    if language == "curl" and not shutil.which("curl"):
        pytest.skip("no curl here")
    rows = [{text: text for text in HOSTILE if text != "\ud800"}]
    folder = tmp_path / "empty"
    folder.mkdir()
    assert sent(language, heard, version, rows, folder) == {"rows": rows}
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_no_snippet_hides_a_character(text: str, version: Version) -> None:
    body = snippets.body_of(version, [{text: text}])
    server = "http://localhost"
    for code in (
        snippets.call(version, text, body),
        snippets.over_http(server, version, body),
        snippets.curl(server, version, body),
        snippets.load(version, text, body),
    ):
        assert code.isascii()
        assert all(c.isprintable() or c == "\n" for c in code)


def test_python_snippets_are_python(version: Version) -> None:
    body = snippets.body_of(version, [{text: text for text in HOSTILE}])
    for code in (snippets.call(version, HOSTILE[0], body), snippets.load(version, HOSTILE[1], body),
                 snippets.over_http("http://x", version, body)):  # fmt: skip
        compile(code, "snippet", "exec")


@pytest.mark.parametrize("language", ["curl", "python"])
def test_a_long_input_is_a_file(
    language: str, heard: Heard, version: Version, tmp_path: Path
) -> None:
    schema = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 1000)),))
    tensors = replace(version, schema=schema)
    rows = {"x": np.arange(1000, dtype=np.float32)[None]}
    (tmp_path / "input.json").write_text(snippets.body_of(tensors, rows))
    assert sent(language, heard, tensors, rows, tmp_path) == {"inputs": {"x": rows["x"].tolist()}}
    code = snippets.call(tensors, "alice", snippets.body_of(tensors, rows))
    assert len(code) < 1000
    compile(code, "snippet", "exec")


def test_values_of_every_kind_are_what_the_server_takes_back(
    reg: Registry, alice: Actor, version: Version
) -> None:
    from registry import inputs

    kinds = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
    schema = Schema("table", fields=tuple(Field(k, k, nullable=True) for k in kinds))  # type: ignore[arg-type]
    row = {
        "boolean": np.bool_(True), "integer": np.int32(3), "long": 2**62, "float": np.float32(0.5),
        "double": float("nan"), "string": "001", "binary": b"\xfb\xff",
        "datetime": datetime(2026, 3, 1, 12, tzinfo=UTC),
    }  # fmt: skip
    tables = replace(version, schema=schema)
    sent = json.loads(snippets.body_of(tables, [row]))["rows"]
    direct, again = inputs.prepare(schema, [row]), inputs.prepare(schema, sent)
    assert inputs.digest(direct) == inputs.digest(again)
    assert "2026-03-01" in snippets.body_of(tables, [{"day": date(2026, 3, 1)}])


def test_the_python_snippet_gives_the_answer_of_the_page(
    reg: Registry, alice: Actor, iris: Version
) -> None:
    assert iris.schema is not None
    rows = [iris.schema.example]
    code = snippets.call(iris, "alice", snippets.body_of(iris, rows))
    asked = code[code.index("rows =") :].replace("print(answer.outputs)", "")
    scope: dict[str, Any] = {"reg": reg, "me": alice, "predict": predict}
    exec(asked, scope)
    assert scope["answer"].outputs == predict.predict(reg, alice, iris.ref, rows).outputs


@pytest.mark.parametrize(
    ("page", "server"),
    [
        ("http://127.0.0.1:8501/playground", "http://127.0.0.1:8501"),
        ("https://vitrine.example/playground", "https://vitrine.example"),
        ("https://example.org/tools/playground", "https://example.org/tools"),
        ("http://[::1]:8501/", "http://[::1]:8501"),
        ("http://localhost:8501", "http://localhost:8501"),
        ("https://a'b;c/playground", "http://localhost:8501"),
        ("javascript:alert(1)", "http://localhost:8501"),
        (None, "http://localhost:8501"),
    ],
)
def test_the_address_is_the_one_of_the_browser(page: str | None, server: str) -> None:
    assert snippets.server_of(page) == server
