"""Students' writing as HTML for formgrader and feedback: their own tags are shown as text, never obeyed."""

from __future__ import annotations

from html import escape
from typing import Any

import jinja2
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


class _Renderer(IPythonRenderer):
    def block_mermaidjs(self, code: str) -> str:
        return super().block_mermaidjs(escape(code))


@jinja2.pass_context
def markdown_to_html(context: Any, source: str) -> str:
    """nbconvert's filter of that name, with tags escaped and links that run code made harmless."""
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = _Renderer(escape=True, allow_harmful_protocols=False, attachments=attachments)
    return MarkdownWithMath(renderer=renderer).render(source)
