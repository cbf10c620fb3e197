"""As many honest recipes as a class needs, no two alike."""

from pathlib import Path

from tests.support.recipes import TINY


def variant(number: int) -> str:
    """Differs from every other in its width, rate, momentum or dropout; each takes about the same to train."""
    number, width = divmod(number, 5)
    number, rate = divmod(number, 10)
    number, momentum = divmod(number, 4)
    return (
        TINY.replace("nn.Conv2d(1, 4,", f"nn.Conv2d(1, {4 + width},")
        .replace("BatchNorm2d(4)", f"BatchNorm2d({4 + width})")
        .replace("nn.Linear(4,", f"nn.Linear({4 + width},")
        .replace("lr=0.1", f"lr={(rate + 1) / 50}")
        .replace("momentum=0.9", f"momentum={0.8 + momentum / 20}")
        .replace("Dropout(0.1)", f"Dropout({(number + 1) / 50})")
    )


def submit(course: Path, count: int, assignment: str = "challenge") -> Path:
    """A course's folder in nbgrader's layout, with so many students."""
    for number in range(count):
        folder = course / "submitted" / f"student{number:03}" / assignment
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text(f"2026-03-01 {number // 60 % 24:02}:{number % 60:02}:00.000000 UTC")
        (folder / f"{assignment}.py").write_text(variant(number))
    return course
