"""The learning-rate schedules in plain Python and libm, and one example of each.

The specification that csrc/ops/schedules.def is tested against, written from the papers'
formulas; a row without its twin here fails tests/test_schedules.py.
"""

import bisect
import math

from fastnn.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Cyclic,
    Exponential,
    InverseTime,
    MultiStep,
    OneCycle,
    Polynomial,
    Step,
    Warmup,
)


def half_cosine(start, end, u):
    return end + (start - end) * (1 + math.cos(math.pi * u)) / 2


def cosine_restarts(s, t):
    length = s.steps
    while s.multiplier > 1 and t >= length:
        t -= length
        length *= s.multiplier
    return half_cosine(s.lr, s.final, t % length / length)


def one_cycle(s, t):
    start, summit = s.lr / s.div_factor, s.rise * s.steps - 1
    if t < summit:
        return half_cosine(start, s.lr, t / summit)
    done = min((t - summit) / (s.steps - 1 - summit), 1)
    return half_cosine(s.lr, start / s.final_div_factor, done)


def cyclic(s, t, height):
    cycle, at = divmod(t, s.steps_up + s.steps_down)
    x = at / s.steps_up if at <= s.steps_up else 1 - (at - s.steps_up) / s.steps_down
    return s.lr + (s.peak - s.lr) * x * height(cycle)


# The engine's rule -> (schedule, step) -> lr.
SCHEDULES = {
    "constant": lambda s, t: s.lr,
    "step": lambda s, t: s.lr * s.factor ** (t // s.every),
    "multi_step": lambda s, t: s.lr * s.factor ** bisect.bisect(s.milestones, t),
    "exponential": lambda s, t: s.lr * math.pow(s.factor, t / s.steps),
    "inverse_time": lambda s, t: s.lr / (1 + s.rate * t / s.steps),
    "polynomial": lambda s, t: (
        s.final + (s.lr - s.final) * (1 - min(t, s.steps) / s.steps) ** s.power
    ),
    "cosine": lambda s, t: half_cosine(s.lr, s.final, min(t / s.steps, 1)),
    "cosine_restarts": cosine_restarts,
    "one_cycle": one_cycle,
    "triangular": lambda s, t: cyclic(s, t, lambda cycle: 1),
    "triangular2": lambda s, t: cyclic(s, t, lambda cycle: 0.5**cycle),
    "exp_range": lambda s, t: cyclic(s, t, lambda cycle: s.factor**t),
}


def lr(schedule, t):
    """What a schedule gives in step t."""
    if isinstance(schedule, Warmup):
        s, steps = schedule.schedule, schedule.steps
        if t < steps:
            share = schedule.start_factor + (1 - schedule.start_factor) * t / steps
            return share * lr(s, 0)
        return lr(s, t - steps)
    return SCHEDULES[schedule.rule](schedule, t)


# One of each rule; they change enough within 50 steps to be told apart.
EXAMPLES = {
    "constant": Constant(0.01),
    "step": Step(0.02, every=7, factor=0.7),
    "multi_step": MultiStep(0.02, milestones=(3, 4, 31), factor=0.3),
    "exponential": Exponential(0.03, factor=0.9, steps=3),
    "inverse_time": InverseTime(0.05, rate=0.7, steps=9),
    "polynomial": Polynomial(0.03, steps=43, power=0.9, final=1e-3),
    "cosine": Cosine(0.02, steps=47, final=1e-4),
    "cosine_restarts": CosineRestarts(0.02, steps=6, multiplier=2, final=1e-3),
    "one_cycle": OneCycle(0.04, steps=48),
    "triangular": Cyclic(0.002, peak=0.03, steps_up=5, steps_down=8),
    "triangular2": Cyclic(0.002, peak=0.03, steps_up=6, mode="triangular2"),
    "exp_range": Cyclic(0.002, peak=0.03, steps_up=6, mode="exp_range", factor=0.97),
}
