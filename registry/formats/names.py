"""The allowlist: which names a model file may ask for, by exact module and name.

The lists lie in `allowlists/`, one file per library version, written by `make names` and reviewed
as a difference; `by_hand.txt` has what no walk finds. A name that is listed is innocuous whichever
version lists it: what is not installed here cannot be loaded here anyway.
"""

from __future__ import annotations

import _compat_pickle
import sys
from collections.abc import Iterator
from pathlib import Path

from registry.records import Judgement

_FOLDER = Path(__file__).parent / "allowlists"
_SCRIPTS = ("__main__", "__mp_main__")
_MAX_NAME = 200

# Libraries whose every name was looked at, or that a model has no business with: what the lists
# leave out of them is refused. tests/registry/formats/test_names.py holds it to requirements.txt.
_KNOWN = frozenset(
    """
    absl alembic altair annotated_doc annotated_types antigravity anyio app argon2 ast_serialize
    attr attrs bcrypt blake3 boolean boto3 botocore captcha certifi cffi charset_normalizer
    click cloudpickle confusable_homoglyphs croniter cryptography cupy dask dateutil dbos
    deprecated dill distributed distutils docker dotenv execnet extra_streamlit_components
    fabric fastapi fastapi_offline filelock flask flatbuffers fsspec functorch google graphql
    greenlet grimp gunicorn h11 h5py harfile httpcore httptools httpx hypothesis
    hypothesis_graphql idna importlib_metadata importlinter iniconfig invoke IPython isympy
    itsdangerous jinja2 joblib jsonpickle jsonschema jsonschema_rs jsonschema_specifications jwt
    keras librt license_expression lightgbm limits llvmlite lz4 mako markdown_it markupsafe
    mdurl ml_dtypes mlflow mpmath multipart multiprocess mypy mypy_extensions mypyc narwhals
    nbconvert networkx notebook numba numexpr numpy obstore onnx onnxruntime opentelemetry packaging
    pages pandas paramiko pathspec pexpect pickle5 PIL pip pkg_resources playwright plotly
    pluggy polars prettytable prometheus_client psutil psycopg psycopg_binary ptyprocess py
    pyarrow pycparser pydantic pydantic_core pydantic_settings pydeck pygments pylab pymysql
    pyrate_limiter pytest python_multipart pytz rapidfuzz ray referencing registry requests rich
    rpds ruff safetensors schemathesis scipy semver setuptools sh six skl2onnx sklearn skops
    sortedcontainers sqlalchemy starlette streamlit streamlit_authenticator structlog sympy
    tblib tensorboard tensorflow testpath threadpoolctl toml torch torchaudio torchgen
    torchvision tornado tqdm trio typing_extensions typing_inspection tzdata urllib3 uvicorn
    uvloop virtualenv watchdog wcwidth websockets werkzeug wheel wrapt xdist xgboost xlrd yaml
    zipp zmq
    """.split()
)


def _entries() -> Iterator[str]:
    for path in sorted(_FOLDER.glob("*.txt")):
        for line in path.read_text().splitlines():
            entry = line.partition("#")[0].strip()
            if entry:
                yield entry


_ENTRIES = frozenset(_entries())
CALLABLE = frozenset(e.removesuffix("()") for e in _ENTRIES if e.endswith("()"))
"""Listed names that a file may call; the others it may refer to, or make empty and fill."""
LISTED = CALLABLE | {e for e in _ENTRIES if not e.endswith("()")}


def judge(module: str, name: str) -> Judgement:
    """What the allowlist says of a name: innocuous, unusual or dangerous.

    Unusual is a class that nobody here knows: of a script, or of a library off the lists. Somebody
    may trust it. Whatever a listed library, the standard library or this server brings along and
    the lists leave out is dangerous, and so is a path of attributes.
    """
    path = f"{module}.{name}"
    if path in LISTED and "." not in name:
        return "innocuous"
    if not is_plain(module, name):
        return "dangerous"
    old = python_2(module, name)
    if old != (module, name) and judge(*old) != "innocuous":
        return "dangerous"
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top not in _SCRIPTS:
        return "dangerous"
    hidden = top.startswith("_") and top not in _SCRIPTS
    return "dangerous" if hidden or top in _KNOWN else "unusual"


def python_2(module: str, name: str) -> tuple[str, str]:
    """A name as Python 3 spells it, for the files of Python 2."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[(module, name)]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def split(path: str) -> tuple[str, str]:
    """Module and name of a path as it is shown; what has no module is judged dangerous."""
    module, _, name = path.rpartition(".")
    return module, name


def may_load(module: str, name: str, trusted: frozenset[str]) -> bool:
    """Whether a real load may import it: it is listed, or trusted for this file by its exact name.

    Who trusts is offered unusual names only: a file that asks for dangerous ones is refused before.
    """
    known = judge(module, name) == "innocuous"
    return known or (is_plain(module, name) and f"{module}.{name}" in trusted)


def is_plain(module: str, name: str) -> bool:
    """Whether it is one attribute of one module, spelt as source code would spell it."""
    if len(module) + len(name) >= _MAX_NAME or not name.isidentifier():
        return False
    parts = module.split(".")
    return (module + name).isascii() and all(part.isidentifier() for part in parts)
