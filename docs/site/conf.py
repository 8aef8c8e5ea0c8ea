"""How Sphinx builds the site; docs/site/build.py calls it."""

project = "Sedifex Integrations"
author = "Sedifex"
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["tasklist"]
# The pages' examples elide with "…", which is no JSON, and Sphinx cannot lex console output as a program.
suppress_warnings = ["misc.highlighting_failure"]
exclude_patterns = ["_build"]

smartquotes = False  # what stands in quotes is to be copied

html_theme = "furo"
html_title = "Sedifex Integrations"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
