"""What is in a folder."""

from pathlib import Path


def files_below(folder: Path) -> dict[Path, bytes]:
    """Relative path -> content of every file."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
