"""`keep_pictures`: the pictures in Markdown cells, those that students pasted in too, and no other attachment."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote

from nbformat import NotebookNode

MAX_PICTURES = 20  # in a notebook
MAX_BYTES = 10_000_000  # of all pictures of a notebook; a plot has 20 to 100 kB, a screenshot up to 2 MB
LIMITS = f"PNG, JPEG, GIF or WebP, at most {MAX_PICTURES} in a notebook and {MAX_BYTES // 1_000_000} MB together"
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def keep_pictures(cells: list[NotebookNode]) -> None:
    """Reduce the cells' attachments to pictures, told by their content, within the limits.

    Those of locked cells, which the teacher put there, come first, then the others in the notebook's order. SVG and
    HTML are left out, because they can hold scripts.
    """
    pictures_left, bytes_left = MAX_PICTURES, MAX_BYTES
    for cell in sorted(cells, key=lambda cell: not cell.metadata.get("nbgrader", {}).get("locked", False)):
        kept = {}
        for name, attachment in _attachments(cell).items():
            for encoded in attachment.values() if isinstance(attachment, dict) else ():
                content = _decoded(encoded, bytes_left)
                mime_type = _mime_type(content)
                if mime_type and pictures_left:
                    kept[name] = {mime_type: base64.b64encode(content).decode()}
                    pictures_left, bytes_left = pictures_left - 1, bytes_left - len(content)
                    break
        cell.pop("attachments", None)
        if kept:
            cell["attachments"] = NotebookNode({name: NotebookNode(picture) for name, picture in kept.items()})


def named_attachments(source: str, attachments: object) -> NotebookNode:
    """Those attachments that a cell's text shows, by the names in it."""
    written = re.findall(r"attachment:([^\s)\"'>]+)", source)
    names = {*written, *map(unquote, written)}
    given = attachments if isinstance(attachments, dict) else {}
    return NotebookNode({name: content for name, content in given.items() if name in names})


def _attachments(cell: NotebookNode) -> dict[str, object]:
    attachments = cell.get("attachments")
    return attachments if cell.cell_type == "markdown" and isinstance(attachments, dict) else {}


def _decoded(encoded: object, limit: int) -> bytes:
    """The bytes of a text in base64; none for anything else, or when there are more than `limit`."""
    if not isinstance(encoded, str) or len(encoded) * 3 // 4 > limit + limit // 50:  # it may be broken into lines
        return b""
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return content if len(content) <= limit else b""


def _mime_type(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((mime_type for start, mime_type in _SIGNATURES.items() if content.startswith(start)), None)
