"""The exceptions that only fastnn can raise; everything else is ValueError or TypeError."""


class NonFiniteError(ArithmeticError):
    """The loss, or what a step made of the parameters, became infinite or NaN.

    The network keeps the last parameters whose loss was finite.  A gradient can overflow where the
    loss does not: in a row of weight 0, say, whose hidden activations are infinite.

    Attributes
    ----------
    epoch : int
        Epoch of the batch, from 0.
    batch : int
        Batch within the epoch, from 0.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1)])
    >>> try:
    ...     net.fit([[1.0]], [1.0], loss="mean_squared_error", optimizer=fastnn.SGD(1e20), epochs=9)
    ... except fastnn.NonFiniteError as error:
    ...     print("stopped in epoch", error.epoch)
    stopped in epoch 1
    """

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__(epoch, batch)
        self.epoch = epoch
        self.batch = batch

    def __str__(self) -> str:
        return (
            f"the loss or a parameter is not finite in epoch {self.epoch}, batch {self.batch} "
            "(both from 0); the network keeps the last parameters with a finite loss; a smaller "
            "learning rate or inputs scaled to about unit variance usually help"
        )


class ModelFormatError(ValueError):
    """A file is not a network saved by fastnn, or is damaged.

    Examples
    --------
    >>> import fastnn
    >>> try:
    ...     fastnn.load(fastnn.__file__)
    ... except fastnn.ModelFormatError as error:
    ...     print(str(error)[:42])
    __init__.py is not a network saved by fast
    """


def _busy(what: str) -> RuntimeError:
    """Return the error of a call into a network that is in the middle of another."""
    return RuntimeError(
        f"{what}: called by a signal handler or a loss while this network was at work, "
        "which only allows to read its parameters or to save it"
    )
