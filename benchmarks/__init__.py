"""Benchmarks of fastnn: against good NumPy, other libraries and the CPU's own FMA peak."""
