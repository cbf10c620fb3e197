"""Promises about the shape of the code: what may import what, and how large a folder, a module or a function gets."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"

# From top to bottom. A module imports from lines below its own, and within its line only what stands further right.
# docs/architecture.md shows this table.
LAYERS = """\
autograder   cli, authoring, bench
             gradebook
             batch, leaderboard, nbgrader_plugins, calibration
             grading
             store
             workers
             sandbox
             console, old_names
course       plots
             notebook
             capture
             inspection
             data
             rules
             training
             network
             transforms
             kernels
             spec, recipe, files, errors
"""

MAX_ENTRIES = 14  # in the folder of a package
MAX_FUNCTION_LINES = 60
MAX_MODULE_LINES = 400

# modules without a test file of their own name, and why
UNTESTED_BY_NAME = {
    "autograder/store/migrations/env.py": "Alembic runs it whenever a store is opened",
}


# --- reading the code


def path_of_modules() -> dict[str, Path]:
    """Dotted name -> path, relative to the root, of every module of the two packages."""
    paths = sorted(
        path.relative_to(ROOT) for package in ("course", "autograder") for path in (ROOT / package).rglob("*.py")
    )
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = path_of_modules()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported_nodes(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement below `node`, in functions too, except those under `if TYPE_CHECKING:`."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        for child in node.orelse:
            yield from imported_nodes(child)
    else:
        for child in ast.iter_child_nodes(node):
            yield from imported_nodes(child)


@cache
def imports_of(module: str) -> frozenset[str]:
    """The modules of the two packages that `module` imports."""
    names = set()
    for node in imported_nodes(tree(MODULES[module])):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in full}
    return frozenset(names & MODULES.keys())


def find_cycle(imports: dict[str, frozenset[str]]) -> list[str]:
    """A path that ends where it starts; empty when there is none."""
    finished = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module not in finished:
            for imported in sorted(imports[module]):
                if cycle := visit(imported, [*path, module]):
                    return cycle
            finished.add(module)
        return []

    return next((cycle for module in sorted(imports) if (cycle := visit(module, []))), [])


def layers() -> dict[str, tuple[int, int]]:
    """Each package or module below the top -> its line and its place in it, both counted from the top left."""
    places, top = {}, ""
    for number, line in enumerate(LAYERS.splitlines()):
        head, names = line[:13].strip(), line[13:].split(", ")
        top = head or top
        places |= {f"{top}.{name}": (number, place) for place, name in enumerate(names)}
    return places


def below_top(module: str) -> str:
    """`autograder.store.models` -> `autograder.store`."""
    return ".".join(module.split(".")[:2])


# --- imports


def test_no_module_imports_itself_by_way_of_others():
    assert find_cycle({module: imports_of(module) for module in MODULES}) == []


def test_a_cycle_would_be_found():
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"a"}}) == ["a", "a"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_inside_functions_count_and_those_for_the_type_checker_do_not():
    source = "if TYPE_CHECKING:\n    import a\nelse:\n    import b\ndef f():\n    if x:\n        from c import d\n"
    statements = [ast.unparse(node) for node in imported_nodes(ast.parse(source))]
    assert statements == ["import b", "from c import d"]


def test_every_package_has_a_layer():
    assert {below_top(module) for module in MODULES} - {"course", "autograder"} == layers().keys()


def test_imports_go_down_the_layers():
    place = layers()
    upward = [
        f"{module} imports {imported}"
        for module in MODULES
        for imported in imports_of(module)
        if (ours := below_top(module)) in place
        and (theirs := below_top(imported)) in place
        and ours != theirs
        and not place[ours] < place[theirs]
    ]
    assert sorted(upward) == []


# --- sizes and names


def test_a_package_folder_has_few_entries():
    uncounted = {"__init__.py", "py.typed", "__pycache__"}
    entries = {
        str(path.parent): len({entry.name for entry in (ROOT / path.parent).iterdir()} - uncounted)
        for path in MODULES.values()
        if path.name == "__init__.py"
    }
    assert {folder: count for folder, count in entries.items() if count > MAX_ENTRIES} == {}


def test_no_module_is_long():
    lines = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in MODULES.values()}
    assert {path: count for path, count in lines.items() if count > MAX_MODULE_LINES} == {}


def test_no_function_is_long():
    functions = {
        f"{path}: {node.name}": node.end_lineno - node.lineno + 1
        for path in MODULES.values()
        if path.parent.name != "versions"  # migrations are never edited
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in functions.items() if count > MAX_FUNCTION_LINES} == {}


def test_a_class_name_is_defined_once():
    homes = defaultdict(list)
    for path in MODULES.values():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(str(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


# --- tests


def test_every_module_has_a_test_file_of_its_own_name():
    def tests(path: Path) -> Path:
        return Path("tests", path.parent, f"test_{path.stem.removeprefix('_')}.py")

    expected = {
        str(path): str(tests(path))
        for path in MODULES.values()
        if path.stem not in ("__init__", "__main__") and path.parent.name != "versions"
    }
    missing = {path: test for path, test in expected.items() if not (ROOT / test).exists()}
    assert {path: test for path, test in missing.items() if path not in UNTESTED_BY_NAME} == {}
    assert UNTESTED_BY_NAME.keys() <= missing.keys()


def test_the_page_about_the_architecture_shows_the_layers():
    assert LAYERS in PAGE.read_text(encoding="utf-8")
