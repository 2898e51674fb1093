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
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    # What specs tell the engine: nobody else calls it.
    "exclude-members": "clipping, engine, group, hyperparameters, numbers, parameter, repeats, "
    "rule, state_shapes, unparted, vector",
}


def keep_initials(app, what, name, value, options, lines):
    """Keep "M. Zeiler" from becoming the thirteenth item of a list."""
    lines[:] = [re.sub(r"^(\s*)([A-Z]\. )", r"\1\\\2", line) for line in lines]


def setup(app):
    """Tell Sphinx of it."""
    app.connect("autodoc-process-docstring", keep_initials)
