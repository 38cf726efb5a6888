"""How fast the device is: stage timings kept by the pipeline, and the `edge-bench` command."""
