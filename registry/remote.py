"""What a server tells: models, versions, answers, and refusals as the errors they were.

And the link to it: who asks, calls that are asked again, lists in pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from registry import errors

ARROW = "application/vnd.apache.arrow.stream"
TRIES, PAUSE_S, _MOST_WAIT_S = 5, 0.5, 60.0
_TOO_MUCH = (429, 503)
_NOWHERE = (404, 405)
_ELSEWHERE = (
    "this address answers with something else than Vitrine's API; give the address of the server "
    "alone, as in https://vitrine.example.org"
)
_NO_NUMBER = (
    "has NaN or an infinity, for which JSON has no word; put a number there, as numpy.nan_to_num "
    "does (a gap in a row of a table is None)"
)


class UploadBroken(ConnectionError):
    """The link broke again and again; `upload` is the id to go on with."""

    def __init__(self, upload: str, tries: int) -> None:
        super().__init__(f"the link broke {tries} times; go on later with resume={upload!r}")
        self.upload = upload


class Pass(httpx.Auth):
    """Who asks: a token, or the two secrets of a login, which get the next two when they must.

    A refresh token works once, so that threads take turns.
    """

    requires_response_body = True

    def __init__(self, token: str, refresh: str = "") -> None:
        self.token, self.refresh, self._turn = token, refresh, threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The call; after a 401 once more, with a fresh token."""
        used = self.token
        if used:
            request.headers["authorization"] = f"Bearer {used}"
        answer = yield request
        if answer.status_code != 401 or not self.refresh:
            return
        with self._turn:
            if self.token == used:
                where = f"{str(request.url).partition('/api/v1')[0]}/api/v1/auth/refresh"
                said = yield httpx.Request("POST", where, json={"refresh": self.refresh})
                if said.is_error:
                    self.refresh = ""
                    return
                self.token, self.refresh = said.json()["access"], said.json()["refresh"]
        request.headers["authorization"] = f"Bearer {self.token}"
        yield request


class Link:
    """Calls of the API, as data."""

    def __init__(
        self, url: str, who: Pass, timeout_s: float, transport: httpx.BaseTransport | None
    ) -> None:
        self.http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1", auth=who, timeout=timeout_s, transport=transport
        )

    def ask(self, method: str, path: str, *, again: bool | None = None, **more: Any) -> Any:
        """An answer that is no refusal.

        Args:
            again: Whether a server that has too much to do is asked again, as it says when;
                left out, unless it is a POST.

        Raises:
            RegistryError: As the server says.
        """
        again = method != "POST" if again is None else again
        for tries in range(TRIES):
            answer = self.http.request(method, path, **more)
            wait_s = retry_after_s(answer)
            last = tries + 1 == TRIES or wait_s > _MOST_WAIT_S
            if answer.status_code not in _TOO_MUCH or not again or last:
                break
            time.sleep(wait_s)
        raise_for(answer)
        return answer

    def json(
        self, method: str, path: str, body: Any = None, *, again: bool | None = None, **more: Any
    ) -> Any:
        """The data of an answer.

        Raises:
            InvalidInput: There is NaN or an infinity in the body.
            RegistryError: As the server says.
        """
        content = None if body is None else written(body)
        kind = {"content-type": "application/json"} if content is not None else {}
        answer = self.ask(method, path, again=again, content=content, headers=kind, **more)
        return data_of(answer)

    def pages(self, path: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """What a list has, page by page.

        Raises:
            RegistryError: As the server says.
        """
        cursor: str | None = ""
        while cursor is not None:
            page = self.json("GET", path, params={**asked, "limit": 100, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]


def retry_after_s(answer: httpx.Response) -> float:
    """Seconds after which a server wants to be asked again; 1 where it does not say."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdigit() else 1.0


def written(body: Any) -> bytes:
    """Data as JSON; InvalidInput for NaN and infinities."""
    try:
        return json.dumps(body, default=_plain, allow_nan=False).encode()
    except ValueError as wrong:
        raise errors.InvalidInput({"body": _NO_NUMBER}) from wrong


def data_of(answer: httpx.Response) -> Any:
    """The data of an answer; None where it has none.

    Raises:
        RegistryError: It is no JSON.
    """
    try:
        return None if answer.status_code == 204 else answer.json()
    except ValueError:
        raise errors.RegistryError(_ELSEWHERE) from None


def at(model: str) -> str:
    """Where a model is, by `owner/slug`.

    Raises:
        InvalidInput: That is no name of a model.
    """
    if not re.fullmatch("[^/]+/[^/]+", model):
        raise errors.InvalidInput(
            {"ref": f"{model!r} names no model; give owner/slug, as alice/iris"}
        )
    return f"/models/{quote(model)}"


def path_of(ref: str) -> str:
    """Where a version is."""
    model, _, version = ref.partition("@")
    return f"{at(model)}/versions/{quote(version or 'latest', safe='')}"


def subject_of(ref: str) -> str:
    """Where a model is, or with `@3` a version."""
    return path_of(ref) if "@" in ref else at(ref)


def _plain(value: Any) -> Any:
    """What `json` does not know: arrays and numbers of NumPy, dates."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@dataclass(frozen=True, slots=True)
class Model:
    """A model; `said` has all that the server tells of it."""

    ref: str
    name: str
    level: str
    n_versions: int
    tags: tuple[str, ...]
    aliases: dict[str, int]
    said: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a version."""

    id: str
    kind: str
    filename: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version; `said` has all that the server tells of it."""

    ref: str
    model: str
    number: int
    status: str
    label: str
    metrics: dict[str, float]
    files: tuple[File, ...]
    said: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version said; `outputs` maps a name to one value per row."""

    ref: str
    n_rows: int
    outputs: dict[str, Any]
    latency_ms: dict[str, float]
    said: dict[str, Any] = field(repr=False)


def model_of(said: dict[str, Any]) -> Model:
    """A model as the server tells it."""
    tags, aliases = tuple(said["tags"]), said["aliases"]
    return Model(said["ref"], said["name"], said["level"], said["n_versions"], tags, aliases, said)


def version_of(said: dict[str, Any]) -> Version:
    """A version as the server tells it."""
    metrics = {metric["name"]: metric["value"] for metric in said["metrics"]}
    names = ("id", "kind", "filename", "digest", "size_bytes")
    files = tuple(File(*(one[name] for name in names)) for one in said["artifacts"])
    facts = (said["ref"], said["model"], said["number"], said["status"], said["label"])
    return Version(*facts, metrics, files, said)


def _kinds() -> dict[str, type[errors.RegistryError]]:
    """Type of a problem to the error it was; those that carry records become what they are."""
    found = {}
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.RegistryError):
            found[re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()] = kind
    return found | {"gate-closed": errors.Conflict, "unsafe-artifact": errors.Rejected}


_KINDS = _kinds()


def raise_for(answer: httpx.Response) -> None:
    """Raise what the server refused with.

    Raises:
        RegistryError: It did.
    """
    if answer.is_success:
        return
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        nowhere = answer.is_redirect or answer.status_code in _NOWHERE
        said = {"detail": _ELSEWHERE} if nowhere else {}
    kind = _KINDS.get(str(said.get("type", "")).rpartition(":")[2], errors.RegistryError)
    error = kind.__new__(kind)
    Exception.__init__(error, said.get("detail") or f"the server answered {answer.status_code}")
    known = {
        "problems": said.get("problems") or {},
        "log": said.get("log") or "",
        "names": tuple(said.get("names") or ()),
        "retry_after_s": retry_after_s(answer),
    }
    for name, value in known.items():
        setattr(error, name, value)
    raise error


def stream_of(rows: Any) -> bytes | None:
    """A DataFrame as an Arrow stream; None for anything else, or without pyarrow."""
    if not hasattr(rows, "columns") or not hasattr(rows, "to_json"):
        return None
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        return None
    try:
        table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, TypeError, ValueError):  # cells of several kinds in one column
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def answer_of(stream: bytes) -> Answer:
    """An answer that is an Arrow stream: outputs as columns, the rest in its metadata."""
    import pyarrow as pa

    with pa.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    said = json.loads(table.schema.metadata[b"vitrine"])
    outputs = {name: table.column(name).to_pylist() for name in table.column_names}
    return Answer(said["ref"], said["n_rows"], outputs, said["latency_ms"], said)


def body_of(rows: Any) -> dict[str, Any]:
    """The body of a prediction, by what the rows are."""
    if hasattr(rows, "columns") and hasattr(rows, "to_json"):  # a DataFrame of pandas
        split = json.loads(rows.to_json(orient="split", date_format="iso", index=False))
        return {"dataframe_split": {"columns": split["columns"], "data": split["data"]}}
    if isinstance(rows, Mapping) and all(
        isinstance(value, list) or (hasattr(value, "tolist") and getattr(value, "ndim", 0))
        for value in rows.values()
    ):
        return {"inputs": dict(rows)}
    if isinstance(rows, Mapping):
        return {"rows": _with_gaps(rows)}
    if isinstance(rows, (list, tuple)):
        return {"rows": [_with_gaps(row) if isinstance(row, Mapping) else row for row in rows]}
    return {"rows": rows}


def _with_gaps(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with None for NaN, also NumPy's and that of dates."""
    return {name: None if _is_gap(value) else value for name, value in row.items()}


def _is_gap(value: Any) -> bool:
    single = isinstance(value, float) or getattr(value, "ndim", None) == 0
    return (single or hasattr(value, "isoformat")) and bool(value != value)


def place_of(to: str | os.PathLike[str], filename: str) -> Path:
    """Where a file goes: into a folder, made if it is missing, or to a path of its own."""
    folder = os.fspath(to).endswith(("/", os.sep))
    if folder:
        Path(to).mkdir(parents=True, exist_ok=True)
    return Path(to) / own_name(filename) if folder or Path(to).is_dir() else Path(to)


def about_file(filename: str, size: int) -> dict[str, str]:
    """Headers that begin an upload of so many bytes."""
    name = base64.b64encode(filename.encode()).decode()
    return {"upload-length": str(size), "upload-metadata": f"filename {name}"}


def about_part(data: bytes, offset: int) -> dict[str, str]:
    """Headers of a part of an upload."""
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {
        "content-type": "application/offset+octet-stream",
        "upload-offset": str(offset),
        "content-digest": f"sha-256=:{digest}:",
    }


def arrived(upload: Mapping[str, Any], size: int) -> int:
    """How many bytes of a file of `size` have arrived.

    Raises:
        InvalidInput: The upload began with a file of another size.
    """
    if upload["size_bytes"] != size:
        why = f"began with a file of {upload['size_bytes']:,} bytes, and this one has {size:,}"
        raise errors.InvalidInput({"resume": f"{why}; upload it again without resume"})
    return int(upload["received_bytes"])


def own_name(filename: str) -> str:
    """A name that stays in its folder, whatever the server says."""
    return Path(filename.replace("\\", "/")).name or "file"


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
