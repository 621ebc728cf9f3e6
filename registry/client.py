"""A client for other machines: the API in Python. It needs httpx.

    vitrine = Vitrine("https://vitrine.example.org", token)
    version = vitrine.upload("model.joblib", name="Iris")
    answer = vitrine.predict(version.ref, [{"sepal length (cm)": 5.1, …}])

What the server refuses is raised as the error of `registry.errors` that it was there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from registry import errors
from registry.remote import Answer, File, Model, Version, model_of, raise_for, version_of

Progress = Callable[[int, int], None]
"""Told how many bytes have gone, of how many."""
_PART = 8 << 20
_TRIES, _PAUSE_S = 5, 0.5
_KIND = "application/offset+octet-stream"


class Vitrine:
    """A server, asked by a token. Use it in a `with`, or `close` it.

    Args:
        url: Address of the server, without `/api`.
        token: From the account page, or the access token of a login.
        timeout_s: Seconds without a sign of life after which a call is given up.
        transport: How calls are carried, for tests and special networks.
    """

    def __init__(
        self,
        url: str,
        token: str,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1",
            headers={"authorization": f"Bearer {token}"},
            timeout=timeout_s,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def models(self, query: str = "", **filters: Any) -> Iterator[Model]:
        """Models that match, page by page; `filters` as the API names them, as in `sort="name"`."""
        yield from map(model_of, self._pages("/models", {"q": query, **filters}))

    def model(self, ref: str) -> Model:
        """One model by `owner/slug`."""
        return model_of(self._json("GET", f"/models/{quote(ref)}"))

    def versions(self, ref: str) -> Iterator[Version]:
        """All versions of a model, newest first."""
        yield from map(version_of, self._pages(f"/models/{quote(ref)}/versions", {}))

    def version(self, ref: str) -> Version:
        """One version by `owner/slug@3` or `@alias`; without `@…` the latest ready one."""
        return version_of(self._json("GET", _path(ref)))

    def wait(self, ref: str, timeout_s: float = 60.0) -> Version:
        """The version once it was checked.

        Raises:
            TimeoutError: It took longer.
        """
        until, pause_s = time.monotonic() + timeout_s, 0.1
        while (version := self.version(ref)).status == "checking":
            if time.monotonic() > until:
                raise TimeoutError(f"{ref} is still being checked after {timeout_s:g} s")
            time.sleep(pause_s)
            pause_s = min(2.0, pause_s * 1.5)
        return version

    def upload(
        self,
        path: str | os.PathLike[str],
        *,
        model: str = "",
        files: Mapping[str, str | os.PathLike[str]] | None = None,
        progress: Progress | None = None,
        resume: str = "",
        **details: Any,
    ) -> Version:
        """Publish a file as the next version of `model`, or of a new one called `name`.

        It goes in parts: a link that breaks costs one of them.

        Args:
            model: `owner/slug`; left out, `name` among the details makes a new model.
            files: Kind (`requirements`, `config`, `sample` …) to the path of another file.
            progress: Told how much of the model file has gone.
            resume: Id of an upload that was given up, to go on with.
            details: `label`, `notes`, `tags`, `metrics`, `parents` …, as the API names them.

        Raises:
            RegistryError: As the server says.
            ConnectionError: The link broke again and again; the message has the id for `resume`.
        """
        others = {kind: self.send(other) for kind, other in (files or {}).items()}
        upload = self.send(path, progress=progress, resume=resume)
        where = f"/models/{quote(model)}/versions" if model else "/models"
        return version_of(self._json("POST", where, {"upload": upload, "files": others, **details}))

    def send(
        self, path: str | os.PathLike[str], *, progress: Progress | None = None, resume: str = ""
    ) -> str:
        """Send a file in parts; gives the id of the upload, which publishing takes.

        Raises:
            RegistryError: As the server says.
            ConnectionError: The link broke again and again; the message has the id for `resume`.
        """
        file, size = Path(path), Path(path).stat().st_size
        upload = resume or self._begin(file.name, size)
        at, tries = (self._arrived(upload) if resume else 0), 0
        with file.open("rb") as source:
            while at < size:
                source.seek(at)
                try:
                    at, tries = self._send_part(upload, at, source.read(_PART)), 0
                except (httpx.TransportError, errors.Busy) as broken:
                    tries += 1
                    if tries >= _TRIES:
                        raise ConnectionError(
                            f"the link broke {tries} times; go on later with resume={upload!r}"
                        ) from broken
                    time.sleep(_PAUSE_S * 2**tries)
                    at = self._arrived(upload, at)
                if progress:
                    progress(at, size)
        return upload

    def download(
        self,
        ref: str,
        to: str | os.PathLike[str] = ".",
        *,
        file: str = "model",
        progress: Progress | None = None,
    ) -> Path:
        """Fetch a file of a version; what came before a broken link is not fetched again.

        Args:
            to: A folder, where the file gets its own name, or a path for it.
            file: Its kind or its id.

        Raises:
            StoreError: The bytes are not those the server keeps; nothing is left of them.
            RegistryError: As the server says.
        """
        known = next((f for f in self.version(ref).files if file in (f.id, f.kind)), None)
        if known is None:
            raise errors.NotFound(f"{ref} has no file {file!r}")
        path = Path(to) / _own_name(known.filename) if Path(to).is_dir() else Path(to)
        part = path.with_name(path.name + ".part")
        for tries in range(_TRIES):
            try:
                self._fetch(f"{_path(ref)}/files/{known.id}", known, part, progress)
                break
            except httpx.TransportError:
                if tries + 1 == _TRIES:
                    raise
                time.sleep(_PAUSE_S * 2**tries)
        if _digest(part) != known.digest:
            part.unlink()
            raise errors.StoreError(f"{known.filename} arrived damaged; download it again")
        part.replace(path)
        return path

    def predict(self, ref: str, rows: Any) -> Answer:
        """Let a version answer.

        Args:
            ref: `owner/slug` (champion, else latest ready), `owner/slug@3` or `owner/slug@alias`.
            rows: A DataFrame, a list of rows, one row; or tensor name to array or nested list.
        """
        model, _, version = ref.partition("@")
        said = self._json(
            "POST",
            f"/models/{quote(model)}/predict",
            _body(rows),
            params={"version": version} if version else {},
        )
        outputs = {name: output["values"] for name, output in said["outputs"].items()}
        return Answer(said["ref"], said["n_rows"], outputs, said["latency_ms"], said)

    def set_alias(
        self, ref: str, alias: str, reason: str = "", *, override_reason: str = ""
    ) -> None:
        """Let an alias point at a version."""
        model, _, version = ref.partition("@")
        told = {"version": version, "reason": reason, "override_reason": override_reason}
        self._json("PUT", f"/models/{quote(model)}/aliases/{quote(alias, safe='')}", told)

    def remove_alias(self, model: str, alias: str, reason: str = "") -> None:
        """Take an alias away."""
        where = f"/models/{quote(model)}/aliases/{quote(alias, safe='')}"
        self._json("DELETE", where, params={"reason": reason})

    def compare(self, refs: Sequence[str], base: str = "") -> dict[str, Any]:
        """Versions side by side, as the API tells it."""
        said: dict[str, Any] = self._json(
            "GET", "/compare", params={"v": list(refs), **({"base": base} if base else {})}
        )
        return said

    def _pages(self, path: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            page = self._json("GET", path, params={**asked, "limit": 100, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]

    def _json(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The data of an answer; a server that has too much to do is asked again."""
        content = None if body is None else json.dumps(body, default=_plain).encode()
        kind = {"content-type": "application/json"} if content is not None else {}
        for tries in range(_TRIES):
            answer = self._http.request(method, path, content=content, headers=kind, **more)
            if answer.status_code != 503 or tries + 1 == _TRIES:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))
        raise_for(answer)
        return answer.json() if answer.content else None

    def _begin(self, filename: str, size: int) -> str:
        name = base64.b64encode(filename.encode()).decode()
        headers = {"upload-length": str(size), "upload-metadata": f"filename {name}"}
        answer = self._http.post("/uploads", headers=headers)
        raise_for(answer)
        return str(answer.json()["id"])

    def _send_part(self, upload: str, at: int, data: bytes) -> int:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers = {
            "content-type": _KIND,
            "upload-offset": str(at),
            "content-digest": f"sha-256=:{digest}:",
        }
        answer = self._http.patch(f"/uploads/{upload}", content=data, headers=headers)
        raise_for(answer)
        return int(answer.headers["upload-offset"])

    def _arrived(self, upload: str, otherwise: int | None = None) -> int:
        """How much of an upload has arrived; `otherwise` while the link is still broken."""
        try:
            answer = self._http.get(f"/uploads/{upload}")
        except httpx.TransportError:
            if otherwise is None:
                raise
            return otherwise
        raise_for(answer)
        return int(answer.json()["received_bytes"])

    def _fetch(self, address: str, known: File, part: Path, progress: Progress | None) -> None:
        here = part.stat().st_size if part.exists() else 0
        if here >= known.size_bytes > 0:
            return
        wanted = {"range": f"bytes={here}-", "if-range": f'"{known.digest}"'} if here else {}
        with self._http.stream("GET", address, headers=wanted) as answer:
            if answer.is_error:
                answer.read()
            raise_for(answer)
            here = here if answer.status_code == 206 else 0
            with part.open("ab" if here else "wb") as file:
                for block in answer.iter_bytes(1 << 20):
                    here += file.write(block)
                    if progress:
                        progress(here, known.size_bytes)


def _path(ref: str) -> str:
    model, _, version = ref.partition("@")
    return f"/models/{quote(model)}/versions/{quote(version or 'latest', safe='')}"


def _body(rows: Any) -> dict[str, Any]:
    """The body of a prediction, by what the rows are."""
    if hasattr(rows, "columns") and hasattr(rows, "to_json"):  # a DataFrame of pandas
        split = json.loads(rows.to_json(orient="split", date_format="iso", index=False))
        return {"dataframe_split": {"columns": split["columns"], "data": split["data"]}}
    if isinstance(rows, Mapping) and all(
        isinstance(value, list) or (hasattr(value, "tolist") and getattr(value, "ndim", 0))
        for value in rows.values()
    ):
        return {"inputs": dict(rows)}
    return {"rows": rows}


def _plain(value: Any) -> Any:
    """What `json` does not know: arrays and numbers of NumPy, dates."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _own_name(filename: str) -> str:
    """A name that stays in its folder, whatever the server says."""
    return Path(filename.replace("\\", "/")).name or "file"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
