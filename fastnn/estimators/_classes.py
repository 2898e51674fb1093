"""Class labels of any kind as a network's targets, and its outputs as labels.

Four kinds: two classes (one output, its sigmoid is the second's probability), several (an output
each), labels of which any number are right (an output each), and several columns of classes (an
output for each class of each column: "heads").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from fastnn.estimators import _heads
from fastnn.estimators._layers import Scale, loss_of


@dataclass(frozen=True)
class Classes:
    """What is known of the classes.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "multioutput"}
    classes : ndarray, or list of them
        In ascending order; "multioutput": one array a column.
    loss_link : str, default ""
        Of fastnn's loss, where it is one of fastnn's own.
    """

    kind: str
    classes: Any
    loss_link: str = ""

    @classmethod
    def of(cls, y: Any, loss_link: str) -> Classes:
        """Find the classes of labels, or take them as they are."""
        check_classification_targets(y)
        if type_of_target(y) == "multiclass-multioutput":
            return cls("multioutput", [np.unique(column) for column in np.asarray(y).T], loss_link)
        binarizer = LabelBinarizer().fit(y)
        kind = binarizer.y_type_.removesuffix("-indicator")
        if kind == "binary" and loss_link == "softmax":
            kind = "multiclass"
        return cls(kind, binarizer.classes_, loss_link)

    @property
    def one_against_rest(self) -> bool:
        """Whether several classes are as many questions of yes or no, by the loss."""
        return self.kind == "multiclass" and self.loss_link in ("sigmoid", "sign")

    @property
    def link(self) -> str:
        """What makes probabilities of the outputs, or what keeps their order."""
        if self.loss_link in ("sigmoid", "sign"):
            return "sigmoid"
        return {"multiclass": "softmax", "multioutput": "identity"}.get(self.kind, "sigmoid")

    @property
    def sizes(self) -> list[int]:
        """Outputs of each head; there is more than one head in "multioutput" alone."""
        if self.kind == "multioutput":
            return [len(one) for one in self.classes]
        return [1 if self.kind == "binary" else len(self.classes)]

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        return sum(self.sizes)

    @property
    def out_activation(self) -> str:
        """Name of what makes probabilities of the outputs, as scikit-learn has it."""
        return "logistic" if self.kind in ("binary", "multilabel") else "softmax"

    def loss(self, name: Any) -> tuple[Any, Scale]:
        """Return the loss and its scale."""
        if self.kind == "multioutput" and name == "log_loss":
            return _heads.CrossEntropies(tuple(self.sizes)), Scale()
        return loss_of(name, self.outputs, self.kind == "multiclass")

    def encode(self, y: np.ndarray) -> Any:
        """Return labels as targets: bools (n, outputs), or numbers of classes."""
        if self.kind == "multilabel":
            return np.asarray(y != 0)
        if self.kind == "binary":
            second = self.classes[1:2]
            return (y == second[0])[:, None] if len(second) else np.zeros((len(y), 1), bool)
        if self.kind == "multiclass":
            codes = np.searchsorted(self.classes, y)
            return np.arange(self.outputs) == codes[:, None] if self.one_against_rest else codes
        columns = [np.searchsorted(one, y[:, i]) for i, one in enumerate(self.classes)]
        return np.stack(columns, axis=1)

    def probabilities(self, outputs: np.ndarray) -> Any:
        """Return what `decide` takes, of outputs through the link; of several heads, raw ones.

        A sigmoid that has rounded to 0 or 1 is brought inside, so that its logarithm is finite.
        """
        if self.kind == "multioutput":
            return _heads.softmax(outputs, self.sizes)
        numbers = np.finfo(outputs.dtype)
        if self.one_against_rest:
            return outputs / np.maximum(outputs.sum(axis=1, keepdims=True), numbers.tiny)
        if self.kind == "multiclass":
            return outputs
        return np.clip(outputs, numbers.tiny, 1 - numbers.epsneg)

    def right(self, p: np.ndarray, targets: np.ndarray) -> Any:
        """Return whether probabilities speak for targets, all those of a row."""
        if self.one_against_rest:
            targets = targets.argmax(axis=1)
        same: np.ndarray = self.decide(p) == targets
        return same.reshape(len(same), -1).all(axis=1)

    def decide(self, p: np.ndarray) -> Any:
        """Return the classes that probabilities speak for: numbers, or bools."""
        if self.kind in ("binary", "multilabel"):
            return p > 0.5
        if self.kind == "multiclass":
            return p.argmax(axis=1)
        parts = _heads.split(p, self.sizes)
        return np.stack([part.argmax(axis=1) for part in parts], axis=1)

    def decode(self, codes: np.ndarray) -> Any:
        """Return targets as labels."""
        if self.kind == "multilabel":
            return codes.astype(int)
        if self.kind == "multioutput":
            return np.stack([one[codes[:, i]] for i, one in enumerate(self.classes)], axis=1)
        if self.kind == "binary":
            codes = codes[:, 0].astype(int) if len(self.classes) > 1 else np.zeros(len(codes), int)
        return self.classes[codes]
