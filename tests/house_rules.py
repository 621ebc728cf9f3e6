"""The rules of the house as functions: a source file in, the sentences about what is wrong out.

`test_house.py` holds the tree against them, and each of them against a planted violation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
FRAMEWORKS = frozenset(
    "boto3 cloudpickle joblib keras lightgbm obstore onnx onnxruntime ray skl2onnx skorch sklearn "
    "skops tensorflow torch xgboost".split()
)
UNPICKLERS = frozenset({"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"})
LOADERS = frozenset(
    "joblib.load numpy.load np.load pandas.read_pickle pd.read_pickle skops.io.load sio.load "
    "skops.io.loads torch.load torch.jit.load torch.export.load".split()
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of ours; `path` is relative to the root of the project."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def is_page(self) -> bool:
        """A page or the frame, not a part."""
        return self.path.startswith("pages/") and self.path.count("/") == 1

    def at(self, node: ast.AST, what: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"

    def under(self, *places: str) -> bool:
        return self.path.startswith(places)


@cache
def sources() -> tuple[Source, ...]:
    """Everything that ships, without the migrations' generated steps."""
    found = [ROOT / "app.py", *(ROOT / "registry").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text())
        for path in sorted(found)
        if path.exists() and "versions" not in path.relative_to(ROOT).parts[1:-1]
    )


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def functions(tree: ast.AST) -> Iterator[Function]:
    return (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def imported(node: ast.AST) -> list[str]:
    """Dotted names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def only_settings_read_the_environment(source: Source) -> Iterator[str]:
    if source.path == "registry/settings.py":
        return
    for node in ast.walk(source.tree):
        names = {dotted(node), *imported(node)} & {"os.environ", "os.environb", "os.getenv"}
        if names:
            yield source.at(node, "reads the environment: use Settings")


def only_formats_and_sandbox_unpickle(source: Source) -> Iterator[str]:
    if source.under("registry/formats/", "registry/sandbox/") and not source.path.endswith(
        "/pool.py"
    ):
        return
    for node in ast.walk(source.tree):
        for name in imported(node):
            if name.split(".")[0] in UNPICKLERS or name in LOADERS:
                yield source.at(node, f"imports {name}: only formats and the sandbox may")
        if isinstance(node, ast.Call) and dotted(node.func) in LOADERS:
            yield source.at(node, f"calls {dotted(node.func)}: only formats and the sandbox may")


def frameworks_are_imported_inside_functions(source: Source) -> Iterator[str]:
    inside = {id(n) for f in functions(source.tree) for n in ast.walk(f)}
    inside |= {
        id(n)
        for branch in ast.walk(source.tree)
        if isinstance(branch, ast.If) and dotted(branch.test).endswith("TYPE_CHECKING")
        for n in ast.walk(branch)
    }
    for node in ast.walk(source.tree):
        for name in imported(node):
            if name.split(".")[0] in FRAMEWORKS and id(node) not in inside:
                yield source.at(node, f"imports {name} outside a function")


@cache
def owners() -> dict[str, frozenset[str]]:
    """Row class to the module that may write it: the comment beside it in tables/."""
    text = "".join(file.read_text() for file in (ROOT / "registry/tables").glob("*.py"))
    pattern = r"^class (\w+Row)\(\s*Base\s*\):\s*# ([a-z_]+(?:(?:,| and) [a-z_]+)*)"
    found = re.findall(pattern, text, re.MULTILINE)
    return {row: frozenset(re.split(r", | and ", names)) for row, names in found}


def tables_are_written_by_their_owner(source: Source) -> Iterator[str]:
    if not source.under("registry/") or source.under("registry/migrations/"):
        return
    module = source.path.removeprefix("registry/").removesuffix(".py").split("/")[0]
    for node, row in (*_statements(source.tree), *_changed_rows(source.tree)):
        owner = owners().get(row, frozenset())
        if module not in owner:
            yield source.at(node, f"writes {row}, which belongs to {', '.join(owner) or 'nobody'}")


def _statements(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """XxxRow(...), insert(XxxRow), update(XxxRow), delete(XxxRow)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func).split(".")[-1]
        if name.endswith("Row") and name in owners():
            yield node, name
        if name in {"insert", "update", "delete"} and node.args:
            row = dotted(node.args[0]).split(".")[0]
            if row in owners():
                yield node, row


def _changed_rows(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Best effort: `row.x = …` and `s.delete(row)` where the function says what row is."""
    for function in functions(tree):
        kinds = dict(_row_names(function))
        for node in ast.walk(function):
            changed = [t.value for t in _targets(node) if isinstance(t, ast.Attribute)]
            if isinstance(node, ast.Call) and dotted(node.func) == "s.delete":
                changed = node.args[:1]
            yield from ((node, kinds[dotted(c)]) for c in changed if dotted(c) in kinds)


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else []


def _row_names(function: Function) -> Iterator[tuple[str, str]]:
    """Variable to Row class: from annotations, `s.get(XxxRow, …)`, selects and for_action."""
    for argument in (*function.args.args, *function.args.kwonlyargs):
        kind = ast.unparse(argument.annotation) if argument.annotation else ""
        if found := re.fullmatch(r"(\w+Row)( \| None)?", kind):
            yield argument.arg, found[1]
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], ast.unparse(node.value)
        if isinstance(target, ast.Name):
            if found := re.match(r"s\.get\((\w+Row)|s\.\w+\(select\((\w+Row)\)", value):
                yield target.id, found[1] or found[2]
            if value.startswith("models.for_action("):
                yield target.id, "ModelRow"
        if isinstance(target, ast.Tuple) and re.match(
            r"(versions|references)\.for_action\(", value
        ):
            yield from zip(map(dotted, target.elts), ("ModelRow", "VersionRow"), strict=True)


def nothing_is_too_long(source: Source) -> Iterator[str]:
    lines, is_page = source.text.count("\n"), source.is_page
    longest_module, longest_function = (120, 15) if is_page else (400, 50)
    if lines > longest_module:
        yield f"{source.path}: {lines} lines, at most {longest_module}"
    for node in functions(source.tree):
        length = (node.end_lineno or 0) - node.lineno + 1
        if length > longest_function:
            yield source.at(node, f"{node.name} has {length} lines, at most {longest_function}")


def pages_only_read_call_and_render(source: Source) -> Iterator[str]:
    if not source.is_page:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Try):
            yield source.at(node, "a `try` on a page: use notices.shown()")
        for name in imported(node):
            if name.split(".")[0] in {"sqlalchemy", "threading", "asyncio", "concurrent"}:
                yield source.at(node, f"imports {name}: no SQL and no threads on a page")
            if name.startswith(("registry.tables", "registry.core.open")):
                yield source.at(node, f"imports {name}: pages call doors")
        if isinstance(node, ast.Call) and dotted(node.func).startswith("st.cache"):
            yield source.at(node, "caches: only parts do")
    yield from _no_style(source)


def _no_style(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg == "unsafe_allow_html":
            yield source.at(node.value, "raw HTML on a page")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"<style|style=|</?div|\{[^}]*:[^}]*;\s*\}", node.value):
                yield source.at(node, "a CSS string: the theme is in .streamlit/config.toml")
            if re.search(r"\bSELECT\b.+\bFROM\b", node.value, re.DOTALL):
                yield source.at(node, "SQL on a page")


def pages_begin_with_the_permission(source: Source) -> Iterator[str]:
    """Docstring `/path: what the visitor does`, imports, `… = session.require(…)`."""
    if not source.is_page or Path(source.path).name.startswith("_"):
        return
    if not re.match(r"/[a-z]*(\?\S+)?: ", ast.get_docstring(source.tree) or ""):
        yield f'{source.path}:1: the docstring is not "/path?query: what the visitor does"'
    body = source.tree.body[1:]
    plain = (ast.Import, ast.ImportFrom)
    first = next((node for node in body if not isinstance(node, plain)), None)
    value = first.value if isinstance(first, (ast.Assign, ast.Expr)) else None
    if not (isinstance(value, ast.Call) and dotted(value.func) == "session.require"):
        yield source.at(first or source.tree, "the first statement is not session.require(…)")


def caches_know_their_actor(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            if dotted(called) == "st.cache_data" and "actor_id" not in names:
                yield source.at(node, f"{node.name} is cached for everybody: take actor_id")


def errors_are_named(source: Source) -> Iterator[str]:
    """`except Exception` lives only where anything at all may come, or where it is raised again."""
    allowed = ("registry/sandbox/", "registry/scanners/__init__.py", "registry/jobs.py")
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or source.under(*allowed):
            continue
        last = node.body[-1]
        if isinstance(last, ast.Raise) and last.exc is None:
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if any(c is None or dotted(c) in {"Exception", "BaseException"} for c in caught):
            yield source.at(node, "catches everything")


def public_things_say_what_they_are(source: Source) -> Iterator[str]:
    """Modules, functions and classes; a Row is described by its comment and columns."""
    if not ast.get_docstring(source.tree):
        yield f"{source.path}:1: the module has no docstring"
    for node in source.tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        mapped = source.under("registry/tables/") and isinstance(node, ast.ClassDef)
        if not node.name.startswith("_") and not mapped and not ast.get_docstring(node):
            yield source.at(node, f"{node.name} has no docstring")


def nothing_is_left_undone(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|HACK|XXX)\b|raise NotImplementedError", line):
            yield f"{source.path}:{number}: {line.strip()}"


def private_names_stay_home(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("registry", "pages")
        ):
            for alias in node.names:
                if alias.name.startswith("_"):
                    yield source.at(node, f"imports the private {node.module}.{alias.name}")


def nobody_imports_the_app(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if any(name == "app" or name.startswith("app.") for name in imported(node)):
            yield source.at(node, "imports app, which only puts things together")


RULES: tuple[Callable[[Source], Iterator[str]], ...] = (
    only_settings_read_the_environment,
    only_formats_and_sandbox_unpickle,
    frameworks_are_imported_inside_functions,
    tables_are_written_by_their_owner,
    nothing_is_too_long,
    pages_only_read_call_and_render,
    pages_begin_with_the_permission,
    caches_know_their_actor,
    errors_are_named,
    public_things_say_what_they_are,
    nothing_is_left_undone,
    private_names_stay_home,
    nobody_imports_the_app,
)
