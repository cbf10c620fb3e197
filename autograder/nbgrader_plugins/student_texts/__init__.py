"""What students write into a notebook beside code, as pages may show it: Markdown and pasted pictures."""
