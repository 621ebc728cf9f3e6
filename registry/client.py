"""A client for other machines: the API in Python. It needs httpx.

    vitrine = Vitrine("https://vitrine.example.org", token)
    version = vitrine.upload("model.joblib", name="Iris")
    answer = vitrine.predict(version.ref, [{"sepal length (cm)": 5.1, …}])

What the server refuses is raised as the error of `registry.errors` that it was there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from registry import errors
from registry.remote import (
    ARROW,
    PAUSE_S,
    TRIES,
    Answer,
    File,
    Link,
    Model,
    Pass,
    UploadBroken,
    Version,
    about_file,
    about_part,
    answer_of,
    arrived,
    at,
    body_of,
    data_of,
    digest_of,
    model_of,
    path_of,
    place_of,
    raise_for,
    stream_of,
    subject_of,
    version_of,
)

Progress = Callable[[int, int], None]
"""Told how many bytes have gone, of how many."""
_PART = 8 << 20
_BROKEN = (
    httpx.TransportError,
    errors.Busy,
    errors.RateLimited,
    errors.Conflict,
    errors.InvalidInput,
)
"""What may happen to a part of an upload and pass."""


class Vitrine:
    """A server, asked by a token. Use it in a `with`, or `close` it.

    Args:
        url: Address of the server, without `/api`.
        token: From the account page; `sign_in` asks for a name and a password instead.
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
        self._who = Pass(token)
        self._link = Link(url, self._who, timeout_s, transport)

    @classmethod
    def sign_in(cls, url: str, username: str, password: str, **more: Any) -> Self:
        """A server, asked as a person who signs in; goes on by itself for 30 days.

        `more` is as for a token.

        Raises:
            NotSignedIn: Name or password is wrong.
            RateLimited: There were too many guesses.
        """
        made = cls(url, "", **more)
        try:
            told = {"username": username, "password": password}
            login = made._link.json("POST", "/auth/login", told)
        except BaseException:
            made.close()
            raise
        made._who.token, made._who.refresh = login["access"], login["refresh"]
        return made

    def sign_out(self) -> None:
        """End the login; a token stays as it is."""
        if self._who.refresh:
            self._link.json("POST", "/auth/logout", {"refresh": self._who.refresh}, again=True)
            self._who.token = self._who.refresh = ""

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
        self._link.http.close()

    def models(self, query: str = "", **filters: Any) -> Iterator[Model]:
        """Models that match, page by page; `filters` as the API names them, as in `sort="name"`."""
        yield from map(model_of, self._link.pages("/models", {"q": query, **filters}))

    def model(self, ref: str) -> Model:
        """One model by `owner/slug`."""
        return model_of(self._link.json("GET", at(ref)))

    def versions(self, ref: str) -> Iterator[Version]:
        """All versions of a model, newest first."""
        yield from map(version_of, self._link.pages(f"{at(ref)}/versions", {}))

    def version(self, ref: str) -> Version:
        """One version by `owner/slug@3` or `@alias`; without `@…` the latest ready one."""
        return version_of(self._link.json("GET", path_of(ref)))

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

        It goes in parts: a link that breaks costs one. A file that changed on the way is refused.

        Args:
            model: `owner/slug`; left out, `name` among the details makes a new model.
            files: Kind (`requirements`, `config`, `sample` …) to the path of another file.
            progress: Told how much of the model file has gone.
            resume: Id of an upload that was given up, to go on with.
            details: `label`, `notes`, `tags`, `metrics`, `parents` …, as the API names them.

        Raises:
            InvalidInput: The file is no longer the one that `resume` began with.
            RegistryError: As the server says.
            UploadBroken: The link broke again and again; `upload` is the id for `resume`.
        """
        where = f"{at(model)}/versions" if model else "/models"
        named = {**(files or {}), "file": path}
        sha256 = {kind: digest_of(Path(one)) for kind, one in named.items()}
        sha256 |= details.pop("sha256", {})
        others = {kind: self.send(other) for kind, other in (files or {}).items()}
        upload = self.send(path, progress=progress, resume=resume)
        told = {"upload": upload, "files": others, "sha256": sha256, **details}
        try:
            return version_of(self._link.json("POST", where, told, again=True))
        except errors.InvalidInput as wrong:
            if "sha256.file" not in wrong.problems:
                raise
            why = "what arrived is not the file as it is: it changed since it began to be sent"
            raise errors.InvalidInput({"file": f"{why}; upload it again without resume"}) from wrong

    def send(
        self, path: str | os.PathLike[str], *, progress: Progress | None = None, resume: str = ""
    ) -> str:
        """Send a file in parts; gives the id of the upload, which publishing takes.

        Raises:
            InvalidInput: The file has another size than the one that `resume` began with.
            RegistryError: As the server says.
            UploadBroken: The link broke again and again; `upload` is the id for `resume`.
        """
        file, size = Path(path), Path(path).stat().st_size
        upload = resume or self._begin(file.name, size)
        at, tries = (self._arrived(upload, of=size) if resume else 0), 0
        with file.open("rb") as source:
            while at < size:
                source.seek(at)
                try:
                    at, tries = self._send_part(upload, at, source.read(_PART)), 0
                except _BROKEN as broken:
                    if isinstance(broken, errors.InvalidInput) and (
                        "Content-Digest" not in broken.problems
                    ):
                        raise
                    tries += 1
                    if tries >= TRIES:
                        raise UploadBroken(upload, tries) from broken
                    time.sleep(min(getattr(broken, "retry_after_s", PAUSE_S * 2**tries), 60.0))
                    at = self._arrived(upload, at, of=size)
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
            to: A folder (it is there, or `to` ends with a slash: then it is made), where the file
                gets its own name; or a path for it.
            file: Its kind or its id.

        Raises:
            StoreError: The bytes are not those the server keeps; nothing is left of them.
            RegistryError: As the server says.
        """
        known = next((f for f in self.version(ref).files if file in (f.id, f.kind)), None)
        if known is None:
            raise errors.NotFound(f"{ref} has no file {file!r}")
        path = place_of(to, known.filename)
        part = path.with_name(path.name + ".part")
        for tries in range(TRIES):
            try:
                self._fetch(f"{path_of(ref)}/files/{known.id}", known, part, progress)
                break
            except httpx.TransportError:
                if tries + 1 == TRIES:
                    raise
                time.sleep(PAUSE_S * 2**tries)
        if digest_of(part) != known.digest:
            part.unlink()
            raise errors.StoreError(f"{known.filename} arrived damaged; download it again")
        part.replace(path)
        return path

    def predict(self, ref: str, rows: Any) -> Answer:
        """Let a version answer.

        Args:
            ref: `owner/slug` (champion, else latest ready), `owner/slug@3` or `owner/slug@alias`.
            rows: A DataFrame, a list of rows, one row; or tensor name to array or nested list.
                NaN in a table is a gap.

        Raises:
            InvalidInput: There is NaN in a tensor, or an infinity; or as the server says.
        """
        model, _, version = ref.partition("@")
        where, params = f"{at(model)}/predict", {"version": version} if version else {}
        stream = stream_of(rows)
        if stream is not None:
            kind = {"content-type": ARROW, "accept": ARROW}
            told = {"content": stream, "headers": kind, "params": params}
            answer = self._link.ask("POST", where, again=True, **told)
            if answer.headers.get("content-type") == ARROW:
                return answer_of(answer.content)
            said = data_of(answer)
        else:
            said = self._link.json("POST", where, body_of(rows), again=True, params=params)
        outputs = {name: output["values"] for name, output in said["outputs"].items()}
        return Answer(said["ref"], said["n_rows"], outputs, said["latency_ms"], said)

    def set_alias(
        self, ref: str, alias: str, reason: str = "", *, override_reason: str = ""
    ) -> None:
        """Let an alias point at a version."""
        model, _, version = ref.partition("@")
        told = {"version": version, "reason": reason, "override_reason": override_reason}
        self._link.json("PUT", f"{at(model)}/aliases/{quote(alias, safe='')}", told)

    def remove_alias(self, model: str, alias: str, reason: str = "") -> None:
        """Take an alias away."""
        where = f"{at(model)}/aliases/{quote(alias, safe='')}"
        self._link.json("DELETE", where, params={"reason": reason})

    def me(self) -> dict[str, Any]:
        """Who asks, and what they may."""
        return dict(self._link.json("GET", "/me"))

    def jobs(self) -> Iterator[dict[str, Any]]:
        """Background work that who asks started, newest first."""
        yield from self._link.pages("/jobs", {})

    def job(self, job_id: str) -> dict[str, Any]:
        """How far one of them is."""
        return dict(self._link.json("GET", f"/jobs/{quote(job_id, safe='')}"))

    def cancel(self, job_id: str) -> None:
        """Stop a job before its next step."""
        self._link.json("DELETE", f"/jobs/{quote(job_id, safe='')}")

    def audit(self) -> Iterator[dict[str, Any]]:
        """What who asks did, and what happened to models they may see, newest first."""
        yield from self._link.pages("/me/audit", {})

    def edit(self, ref: str, **change: Any) -> None:
        """Change a model, or with `@3` a version; fields as the API names them."""
        self._link.json("PATCH", subject_of(ref), change)

    def trash(self, ref: str) -> None:
        """Put a model, or with `@3` a version, into the trash."""
        self._link.json("DELETE", subject_of(ref))

    def restore(self, ref: str) -> None:
        """Take it out of the trash."""
        self._link.json("POST", f"{subject_of(ref)}/restore")

    def share(self, model: str, username: str, level: str = "view") -> None:
        """Let a person `view`, `edit` or `manage` a model; "" takes that back."""
        where = f"{at(model)}/grants/{quote(username, safe='')}"
        self._link.json("PUT" if level else "DELETE", where, {"level": level} if level else None)

    def log_metrics(self, ref: str, metrics: Mapping[str, float], dataset: str = "") -> None:
        """Add metrics to a version, or replace those of the same name and data set."""
        told = [{"name": n, "value": v, "dataset": dataset} for n, v in metrics.items()]
        self._link.json("POST", f"{path_of(ref)}/metrics", {"metrics": told}, again=True)

    def lineage(self, ref: str, depth: int = 3) -> list[dict[str, Any]]:
        """What a version derives from, and what derives from it."""
        said = self._link.json("GET", f"{path_of(ref)}/lineage", params={"depth": depth})
        return list(said["items"])

    def rollback(self, model: str, alias: str, reason: str = "") -> None:
        """Let an alias point where it did before."""
        where = f"{at(model)}/aliases/{quote(alias, safe='')}/rollback"
        self._link.json("POST", where, {"reason": reason})

    def compare(self, refs: Sequence[str], base: str = "") -> dict[str, Any]:
        """Versions side by side, as the API tells it."""
        said: dict[str, Any] = self._link.json(
            "GET", "/compare", params={"v": list(refs), **({"base": base} if base else {})}
        )
        return said

    def _begin(self, filename: str, size: int) -> str:
        answer = self._link.http.post("/uploads", headers=about_file(filename, size))
        raise_for(answer)
        return str(data_of(answer)["id"])

    def _send_part(self, upload: str, at: int, data: bytes) -> int:
        headers = about_part(data, at)
        answer = self._link.http.patch(f"/uploads/{upload}", content=data, headers=headers)
        raise_for(answer)
        return int(answer.headers["upload-offset"])

    def _arrived(self, upload: str, otherwise: int | None = None, *, of: int) -> int:
        """How much has arrived, `of` so many bytes; `otherwise` while the link is still broken."""
        try:
            answer = self._link.http.get(f"/uploads/{upload}")
        except httpx.TransportError:
            if otherwise is None:
                raise
            return otherwise
        raise_for(answer)
        return arrived(data_of(answer), of)

    def _fetch(self, address: str, known: File, part: Path, progress: Progress | None) -> None:
        here = part.stat().st_size if part.exists() else 0
        if here >= known.size_bytes > 0:
            return
        wanted = {"range": f"bytes={here}-", "if-range": f'"{known.digest}"'} if here else {}
        with self._link.http.stream("GET", address, headers=wanted) as answer:
            if not answer.is_success:
                answer.read()
            raise_for(answer)
            here = here if answer.status_code == 206 else 0
            with part.open("ab" if here else "wb") as file:
                for block in answer.iter_bytes(1 << 20):
                    here += file.write(block)
                    if progress:
                        progress(here, known.size_bytes)
