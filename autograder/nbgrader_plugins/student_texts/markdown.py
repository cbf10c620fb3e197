"""`markdown_to_html`: students' Markdown as HTML for formgrader and feedback. HTML tags in it are shown as text.

So is a picture that is not there: nbconvert would end with an error, and the student would get no feedback at all.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import unquote

import jinja2
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.nbgrader_plugins.student_texts.pictures import LIMITS

_PREFIX = "attachment:"


class _SafeRenderer(IPythonRenderer):
    def block_mermaidjs(self, code: str) -> str:
        html: str = super().block_mermaidjs(escape(code))
        return html

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith(_PREFIX):
            written = url.removeprefix(_PREFIX)
            name = next((n for n in (written, unquote(written)) if self.attachments.get(n)), None)
            if name is None:
                return f"<em>[The picture {escape(unquote(written))} is not here. What can be shown: {LIMITS}.]</em>"
            url = _PREFIX + name
        html: str = super().image(text, url, title)
        return html


@jinja2.pass_context
def markdown_to_html(context: Any, source: str) -> str:
    """nbconvert's filter `markdown2html`, but HTML tags are escaped and links that run code are disabled."""
    attachments = context.get("cell", {}).get("attachments") or {}
    renderer = _SafeRenderer(escape=True, allow_harmful_protocols=False, attachments=attachments)
    html: str = MarkdownWithMath(renderer=renderer).render(source)
    return html
