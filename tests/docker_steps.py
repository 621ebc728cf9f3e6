"""Run the Dockerfile's steps without Docker: a clean environment, an unprivileged user, real steps.

`python tests/docker_steps.py [--python /usr/bin/python3.11]` as root; the first bare interpreter
that user can read is taken. It parses the Dockerfile, so it cannot drift from it: absolute paths
are moved below a temporary root, `FROM` is a new virtual environment, every RUN, the CMD and the
HEALTHCHECK run as the USER. What it cannot show: the base image itself, and the volume.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("/app", "/data", "/tmp/vitrine")
UP_WITHIN_S = 120


def instructions(text: str) -> list[tuple[str, str]]:
    """Keyword and rest of every instruction, continued lines joined, comments dropped."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in lines)]


class Container:
    """A folder that stands for the image, and the state the instructions build up."""

    def __init__(self, root: Path, python: str, port: int) -> None:
        self.root, self.python, self.port = root, python, port
        self.uid = self.gid = 10001
        self.folder = root
        self.env = {"PATH": f"{root}/venv/bin:/usr/bin:/bin", "HOME": str(root), "LANG": "C.UTF-8"}
        # registry settings of the machine that runs this, as `docker build` would have its own
        self.env |= {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_"))}
        self.command: list[str] = []
        self.health = ""

    def moved(self, text: str) -> str:
        """The same text with the image's absolute paths below our root and our port."""
        folders = "|".join(FOLDERS)
        text = re.sub(rf"(?<![\w.])({folders})(?!\w)", rf"{self.root}\1", text)
        return text.replace("8501", str(self.port))

    def start(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        """A process of the image's user, in the image's folder."""
        drop = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        prefix = [*drop, "--no-new-privs", "--"] if os.getuid() == 0 else []
        return subprocess.Popen(
            [*prefix, *arguments], cwd=self.folder, env=self.env, start_new_session=True
        )

    def run(self, arguments: list[str]) -> int:
        return self.start(arguments).wait()

    def must(self, arguments: list[str]) -> None:
        if self.run(arguments):
            sys.exit(f"failed: {shlex.join(arguments)}")

    def take(self, word: str, rest: str) -> None:
        """Carry one instruction out."""
        print(f"-- {word} {rest}", flush=True)
        match word:
            case "FROM":
                self.must([self.python, "-m", "venv", f"{self.root}/venv"])
            case "ENV":
                self.env |= dict(pair.split("=", 1) for pair in shlex.split(self.moved(rest)))
            case "WORKDIR":
                self.must(["mkdir", "-p", self.moved(rest)])
                self.folder = Path(self.moved(rest))
            case "COPY":
                self.copy(rest.split()[0])
            case "RUN":
                self.must(["sh", "-euc", self.moved(rest)])
            case "USER":
                assert rest == f"{self.uid}:{self.gid}", "the user of the image is not ours"
            case "CMD":
                self.command = json.loads(self.moved(rest))
            case "HEALTHCHECK":
                self.health = self.moved(rest).partition(" CMD ")[2]
            case "ARG" | "VOLUME" | "EXPOSE":
                pass
            case _:
                sys.exit(f"tests/docker_steps.py does not know {word}: teach it")

    def copy(self, what: str) -> None:
        if what != ".":
            shutil.copy(ROOT / what, self.folder / what)
            return
        ignored = (ROOT / ".dockerignore").read_text().split()
        names = [name.removeprefix("**/") for name in ignored]
        shutil.copytree(
            ROOT, self.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*names)
        )


def main() -> None:
    """Carry all steps out, start the app, wait until it is healthy, and stop it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--python", default="/usr/bin/python3.11")
    options.add_argument("--port", type=int, default=18501)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="vitrine-image-") as folder:
        root = Path(folder)
        (root / "tmp").mkdir()
        box = Container(root, chosen.python, chosen.port)
        if os.getuid() == 0:
            for path in (root, root / "tmp"):
                os.chown(path, box.uid, box.gid)
        else:
            box.uid, box.gid = os.getuid(), os.getgid()
        for word, rest in instructions((ROOT / "Dockerfile").read_text()):
            box.take(word, rest)
        app = box.start(box.command)
        try:
            began = time.monotonic()
            while box.run(["sh", "-c", box.health + " 2>/dev/null"]):
                if app.poll() is not None or time.monotonic() - began > UP_WITHIN_S:
                    sys.exit("the app did not become healthy")
                time.sleep(0.5)
            print(f"healthy after {time.monotonic() - began:.1f} s as uid {box.uid}")
        finally:
            os.killpg(app.pid, signal.SIGTERM)
            app.wait(timeout=30)


if __name__ == "__main__":
    main()
