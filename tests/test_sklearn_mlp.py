"""scikit-learn's own tests of its MLP, with the import changed.

They are read from the scikit-learn that is installed: there is no copy here.
"""

import importlib.util
import re
import sys

import pytest

sklearn = pytest.importorskip("sklearn")
spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
if spec is None:
    pytest.skip("this scikit-learn came without its tests", allow_module_level=True)

IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor"

# Each with its reason.
CANNOT = {
    "test_gradient": "calls the private _loss_grad_lbfgs with lists that scikit-learn's own "
    "backpropagation fills; tests/test_estimators.py compares whole trainings instead",
}


def load():
    """Run the file's text in a module of its own, with the estimators imported from fastnn."""
    with open(spec.origin, encoding="utf-8") as file:
        text = file.read()
    assert text.count(IMPORT) == 1
    text = text.replace(IMPORT, IMPORT.replace("sklearn.neural_network", "fastnn"))
    module = type(sys)("sklearn_test_mlp")
    module.__file__ = spec.origin
    exec(compile(text, spec.origin, "exec"), vars(module))
    return module


# scikit-learn's conftest has this fixture: one seed is what it uses by default.
@pytest.fixture
def global_random_seed():
    return 42


# The file's own warnings are those of scikit-learn's settings, which do not make them errors.
pytestmark = pytest.mark.filterwarnings("default")

module = load()
names = [name for name in vars(module) if re.match("test_", name)]
for name in names:
    function = getattr(module, name)
    if name in CANNOT:
        function = pytest.mark.skip(reason=CANNOT[name])(function)
    globals()[name] = function


def test_all_are_there():
    assert len(names) > 40
    assert set(CANNOT) <= set(names)
    import fastnn

    assert module.MLPClassifier is fastnn.MLPClassifier
    assert module.MLPRegressor is fastnn.MLPRegressor
