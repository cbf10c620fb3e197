"""The leaderboard's pages: HTML from Jinja templates, with figures as data for Plotly.

`views` answers each address; `render` fills the templates; `attempt_charts` and `class_charts` make figures;
`source_diff`, `network_picture`, `misclassified` and `common_reasons` prepare what a page shows. Everything that a
student wrote is untrusted: it is escaped, and never reaches a script or a style.
"""
