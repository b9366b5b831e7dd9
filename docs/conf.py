"""How `make docs` turns README.md and docs/*.md into HTML pages.

In: Markdown as a code host shows it. Out: pages in build/docs, which load nothing from elsewhere.
"""

import re

project = "Recommendations at reasonable scale"
html_title = project
extensions = ["myst_parser"]
myst_heading_anchors = 4  # links name headings as code hosts do: operations.md#roll-back

html_theme = "furo"
html_static_path = ["pages.css"]
html_css_files = ["pages.css"]
html_use_index = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

PICTURE = re.compile(r"```mermaid\n.*?```", flags=re.S)
DRAWN = "![From three CSV files to FastAPI](flow.svg)"
LINK = re.compile(r"\]\((?!https?://|#)(docs/)?")


def put_readme_in_front(app, relative_path, parent_name, text):
    """Make the included README's links start in docs/, and show its picture drawn: no page runs mermaid's script."""
    here = LINK.sub(lambda link: "](" if link[1] else "](../", text[0])
    text[0] = PICTURE.sub(DRAWN, here)


def link_to_front_page(app, name, text):
    """Let links to the README lead to the page that includes it."""
    text[0] = text[0].replace("](../README.md", "](index.md")


def setup(app):
    """Register what Sphinx calls as it reads."""
    app.connect("include-read", put_readme_in_front)
    app.connect("source-read", link_to_front_page)
