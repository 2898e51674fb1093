"""How Sphinx builds this folder: python -m sphinx -W -b html docs <out>."""

import re

import fastnn

project = "fastnn"
release = version = fastnn.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"fastnn {release}"
html_copy_source = False
# `Adam` in a docstring is a link where there is such a name, else code.
default_role = "py:obj"

# The docstrings are numpydoc's, and say more of a type than its annotation.
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    # What specs tell the engine: nobody else calls it.  scikit-learn's set_..._request: their
    # text, which is the same everywhere, has links that lead into its own documentation.
    "exclude-members": "clipping, engine, group, hyperparameters, numbers, parameter, repeats, "
    "rule, set_fit_request, set_partial_fit_request, set_score_request, state_shapes, unparted, "
    "vector",
}


def before_napoleon(app, what, name, value, options, lines):
    """Keep text from being taken for markup."""
    # "M. Zeiler" is not the thirteenth item of a list.
    lines[:] = [re.sub(r"^(\s*)([A-Z]\. )", r"\1\\\2", line) for line in lines]
    if what == "property":  # what stands before a colon in its first line is not its type
        lines.insert(0, "\\ ")  # nothing, once it is shown


def setup(app):
    """Tell Sphinx of it."""
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
