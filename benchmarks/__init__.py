"""Side-by-side measurements. Each prints its table, and writes it with seed, machine and date to benchmarks/results."""
