"""Side-by-side measurements. Each prints its table, and writes it with seed, machine and date to benchmarks/results."""

import edge  # noqa: F401  before NumPy: it keeps linear algebra on one thread, as in the product
