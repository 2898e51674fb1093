"""Part of _core.pyx: the engine's rows as tables of names, and names as its numbers."""

LINKS = ("identity", "sigmoid", "softmax", "log_softmax", "exp", "sign")
DTYPES = ("float32", "float64")

ACTIVATIONS = tuple([fnn_activation_ops[i].name.decode() for i in range(FNN_ACTIVATIONS)])

# Loss -> the link that turns raw outputs into what it predicts.
LOSSES = {fnn_loss_ops[i].name.decode(): LINKS[fnn_loss_ops[i].link] for i in range(FNN_LOSSES)}

# Optimizer -> the names of its hyperparameters, in the engine's order.
OPTIMIZERS = {
    fnn_optimizer_ops[i].name.decode(): tuple(fnn_optimizer_ops[i].hyperparameters.decode().split())
    for i in range(FNN_OPTIMIZERS)
}
OPTIMIZER_SLOTS = {
    fnn_optimizer_ops[i].name.decode(): fnn_optimizer_ops[i].slots for i in range(FNN_OPTIMIZERS)
}

# Loss -> its numbers, in the engine's order, with their defaults.
LOSS_DEFAULTS = {
    fnn_loss_ops[i].name.decode(): dict([
        (part.split("=")[0], float(part.split("=")[1]))
        for part in fnn_loss_ops[i].hyperparameters.decode().split()
    ])
    for i in range(FNN_LOSSES)
}

# Layers besides dense -> the names of their numbers.
LAYERS = {
    fnn_layer_ops[i].name.decode(): tuple(fnn_layer_ops[i].numbers.decode().split())
    for i in range(1, FNN_LAYERS)
}

cdef dict MODES = {
    "train": FNN_TRAIN, "derive": FNN_DERIVE, "evaluate": FNN_EVALUATE, "predict": FNN_PREDICT,
}
cdef dict DERIVATIVES = {
    "parameters": FNN_OF_PARAMETERS, "inputs": FNN_OF_INPUTS, "rows": FNN_OF_ROWS,
}
cdef dict PARTS = {
    "parameters": FNN_PARAMETERS, "gradient": FNN_GRADIENT,
    "slot_0": FNN_SLOT_0, "slot_1": FNN_SLOT_1, "slot_2": FNN_SLOT_2, "state": FNN_STATE,
}
cdef dict ACTIVATION_NUMBERS = {name: i for i, name in enumerate(ACTIVATIONS)}
cdef dict LAYER_NUMBERS = {name: i for i, name in enumerate(LAYERS, start=1)}
cdef dict LOSS_NUMBERS = {name: i for i, name in enumerate(LOSSES)}
cdef dict LINK_NUMBERS = {name: i for i, name in enumerate(LINKS)}
cdef dict OPTIMIZER_NUMBERS = {name: i for i, name in enumerate(OPTIMIZERS)}
cdef tuple OPTIMIZER_NAMES = tuple(OPTIMIZERS)

# What Plan.run returns as its status.
OK, BAD_INPUT, NON_FINITE = FNN_OK, FNN_BAD_INPUT, FNN_NON_FINITE
REFUSED = -1  # of Forward
