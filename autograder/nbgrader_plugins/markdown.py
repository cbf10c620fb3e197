"""`markdown_to_html`: students' Markdown as HTML for formgrader and feedback. HTML tags in it are shown as text."""

from __future__ import annotations

from html import escape
from typing import Any

import jinja2
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


class _SafeRenderer(IPythonRenderer):
    def block_mermaidjs(self, code: str) -> str:
        html: str = super().block_mermaidjs(escape(code))
        return html


@jinja2.pass_context
def markdown_to_html(context: Any, source: str) -> str:
    """nbconvert's filter `markdown2html`, but HTML tags are escaped and links that run code are disabled."""
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = _SafeRenderer(escape=True, allow_harmful_protocols=False, attachments=attachments)
    html: str = MarkdownWithMath(renderer=renderer).render(source)
    return html
