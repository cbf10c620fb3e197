"""Promises about the project as a whole: what imports what, what is declared, and that the documents tell the truth."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import course
from autograder.cli.main import main

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
README_OF_A_COURSE = "autograder/gradebook/new_course/files/README.md"
DOCUMENTS = sorted(path.name for path in ROOT.glob("*.md"))
MANUALS = [*DOCUMENTS, README_OF_A_COURSE, *(page for page in PAGES if page.startswith("docs/own-"))]


# --- imports


def imports_of(package: str) -> set[tuple[str, str]]:
    """(file, top-level package) of every import in a package, the lazy ones too."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}:{node.lineno} imports relatively"
                names = [node.module]
            else:
                continue
            found |= {(str(path.relative_to(ROOT)), name.partition(".")[0]) for name in names}
    return found


@pytest.mark.parametrize(("package", "above"), [("course", {"autograder", "tests"}), ("autograder", {"tests"})])
def test_imports_go_down_only(package, above):
    assert [(file, name) for file, name in sorted(imports_of(package)) if name in above] == []


@pytest.mark.parametrize(("package", "extras"), [("course", ()), ("autograder", ("command", "grader", "ray"))])
def test_a_package_imports_nothing_that_its_installation_does_not_bring(package, extras):
    declared = PROJECT["dependencies"] + [text for extra in extras for text in EXTRAS[extra]]
    brought = {canonicalize_name(Requirement(text).name) for text in declared}
    providers = metadata.packages_distributions()
    ours = {"course", "autograder"} | set(sys.stdlib_module_names)
    undeclared = [
        (file, name)
        for file, name in sorted(imports_of(package))
        if name not in ours and not brought & {canonicalize_name(d) for d in providers.get(name, ())}
    ]
    assert undeclared == []


# --- the command


def commands(command: click.Command, name: str = "autograder") -> dict[str, click.Command]:
    """`command` and all commands below it, each by what a person types."""
    found = {name: command}
    for child, below in getattr(command, "commands", {}).items():
        found |= commands(below, f"{name} {child}")
    return found


COMMANDS = commands(main)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_help(name):
    command = COMMANDS[name]
    assert command.help
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []
    shown = CliRunner().invoke(main, [*name.split()[1:], "--help"])
    assert shown.exit_code == 0
    assert command.help.split()[0] in shown.output


def test_help_does_not_wait_for_pytorch():
    script = """if True:
        import sys
        from autograder.cli.main import main
        for name in ("", *main.commands):
            main([*name.split(), "--help"], standalone_mode=False)
        assert not {"torch", "torchvision", "numpy", "nbgrader"} & sys.modules.keys()
    """
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_console_script_is_the_command():
    script = metadata.EntryPoint("autograder", PROJECT["scripts"]["autograder"], "console_scripts")
    assert script.load() is main


# --- the documents


def code_in(document: str) -> Iterator[list[str]]:
    """The words of every command line in a document: fenced or indented ones, and spans in the running text."""
    fenced = False
    for line in (ROOT / document).read_text().splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        spans = [] if fenced else re.findall(r"`([^`]+)`", line)
        for piece in [line, *spans] if fenced or line.startswith("    ") else spans:
            for one in re.split(r"&&|\|\||[;|]", piece.strip().removeprefix("$ ")):
                try:
                    words = shlex.split(one, comments=True)
                except ValueError:  # code in another language
                    continue
                while words and re.fullmatch(r"[A-Z_0-9]+=.*", words[0]):
                    del words[0]
                yield words


def told(program: str, document: str) -> list[list[str]]:
    """What a document gives `program` as arguments."""
    return [words[1:] for words in code_in(document) if words and words[0] == program]


def run_make(*arguments: str) -> subprocess.CompletedProcess:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True)


def targets(words: list[str]) -> list[str]:
    return [word for word in words if "=" not in word and not word.startswith("-")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_in_a_document_exists(document):
    named = {target for words in told("make", document) for target in targets(words)}
    planned = run_make("--dry-run", *sorted(named))
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("document", MANUALS)
def test_every_autograder_command_in_a_document_exists_with_its_options(document):
    for words in told("autograder", document):
        name = "autograder"
        while words and f"{name} {words[0]}" in COMMANDS:
            name += f" {words.pop(0)}"
        command, line = COMMANDS[name], f"`{name} {shlex.join(words)}` in {document}"
        if isinstance(command, click.Group):
            assert not words or words[0].startswith("-"), f"{line}: no such command"
        options = {o for p in command.get_params(click.Context(command)) for o in (*p.opts, *p.secondary_opts)}
        options |= {"--help", "-h"}
        wrong = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
        assert wrong == [], f"{line}: no such option"


@pytest.mark.parametrize("document", [*DOCUMENTS, *PAGES])
def test_every_file_that_a_document_names_exists(document):
    text = (ROOT / document).read_text()
    named = re.findall(r"`((?:course|autograder|tests|docs|source|\.github)/[\w./-]*\w)/?`", text)
    linked = [link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if "*" not in link]
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not ((ROOT / document).parent / link).exists()]
    assert missing == []


def test_make_without_a_target_lists_every_target():
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    listed = [line.split()[1] for line in run_make().stdout.splitlines()]
    assert sorted(listed) == sorted(phony)


def test_the_checks_run_what_the_readme_tells_people_to_run():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    steps = re.findall(r"^step make (.+)$", script.read_text(), re.MULTILINE)
    planned = run_make("--dry-run", *steps)
    assert planned.returncode == 0, planned.stderr
    assert ["test"] in told("make", "README.md") and "test" in steps


def test_make_check_leaves_out_whatever_has_a_mark():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    marks = {line.partition(":")[0] for line in settings["markers"]}
    (expression,) = re.findall(r"not \((.+)\)", run_make("--dry-run", "check").stdout)
    assert set(expression.split(" or ")) == marks


def test_github_and_pre_commit_run_what_people_run():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.findall(r"run: bash (.+)", workflow) == [".ci/run"]
    assert PROJECT["requires-python"] == ">=3.11" and 'python-version: ["3.11", "3.12", "3.13"]' in workflow
    hooks = re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert hooks == ["make lint"]


def test_the_citation_names_this_version():
    stated = dict(line.split(": ", 1) for line in (ROOT / "CITATION.cff").read_text().splitlines() if ": " in line)
    assert stated["version"] == course.__version__
    assert stated["license"] == PROJECT["license"]


# --- the releases


def constraints(file: str = "constraints.txt") -> dict[str, Requirement]:
    lines = (ROOT / file).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def declared() -> list[Requirement]:
    texts = PROJECT["dependencies"] + [text for extra in EXTRAS.values() for text in extra]
    return [r for r in map(Requirement, texts) if r.name != PROJECT["name"]]


def test_constraints_name_one_release_each_and_no_place():
    for name, pin in constraints().items():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), name
        assert pin.url is None, name


def test_every_dependency_is_pinned_to_a_release_that_pyproject_allows():
    pins = constraints()
    for requirement in declared():
        release = str(pins[canonicalize_name(requirement.name)].specifier).removeprefix("==")
        assert requirement.specifier.contains(release), requirement


def test_the_lowest_releases_are_the_lower_bounds_of_what_course_needs():
    pins = constraints("constraints-lowest.txt")
    for requirement in map(Requirement, PROJECT["dependencies"]):
        (bound,) = [s.version for s in requirement.specifier if s.operator == ">="]
        release = str(pins[canonicalize_name(requirement.name)].specifier).removeprefix("==")
        assert Version(release) == Version(bound), requirement


def test_what_the_dependencies_bring_along_is_pinned_too():
    pinned, seen = constraints().keys(), set()

    def visit(requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        for extra in requirement.extras or {""}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in metadata.requires(name) or ():
                below = Requirement(text)
                if below.marker is None or below.marker.evaluate({"extra": extra}):
                    visit(below)

    for requirement in declared():
        visit(requirement)
    assert sorted({name for name, _ in seen} - pinned) == []
