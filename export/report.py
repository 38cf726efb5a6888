"""report.json and report.html: what was exported and what precision cost."""

import html
import importlib.metadata
from typing import Any

PACKAGES = (
    "cry-monitor",
    "tensorflow-cpu",
    "tensorflow",
    "keras",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "tflite-runtime",
    "numpy",
)
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ccc;padding:.25rem .8rem;text-align:right}
td:first-child,th:first-child{text-align:left}.out{color:#b00020}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"""
ROWS = (
    ("precision", "precision", "{}"),
    ("engine", "engine", "{}"),
    ("bytes", "size, bytes", "{:,}"),
    ("latency_ms", "latency here, ms", "{:.3f}"),
    ("max_logit_error", "largest logit error", "{:.2e}"),
    ("mean_logit_error", "mean logit error", "{:.2e}"),
    ("max_posterior_error", "largest posterior error", "{:.2e}"),
    ("p99_posterior_error", "99th percentile of it", "{:.2e}"),
    ("mean_posterior_error", "mean posterior error", "{:.2e}"),
    ("label_agreement", "label agreement, clear frames", "{:.2%}"),
    ("auc_keras", "AUC of Keras", "{:.4f}"),
    ("auc", "AUC of the file", "{:.4f}"),
)


def installed_versions() -> dict[str, str]:
    """Versions of the packages that had a part in the result."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def html_report(report: dict[str, Any]) -> str:
    """The report as one self-contained page."""
    files = report["files"]
    flat = [{**file, **file["parity"]} for file in files]
    head = "".join(f"<th>{html.escape(file['path'])}</th>" for file in files)
    rows = "".join(
        f"<tr><td>{label}</td>" + "".join(f"<td>{shown(file[key], pattern)}</td>" for file in flat) + "</tr>"
        for key, label, pattern in ROWS
    )
    problems = "".join(
        f"<p class=out>{html.escape(file['path'])}: {html.escape('; '.join(file['violations']))}</p>"
        for file in files
        if file["violations"]
    )
    model, versions = report["model"], report["versions"]
    title = html.escape(f"{model['name']} {model['version']} for {report['target']}")
    operators = html.escape(", ".join(f"{name} {n}" for name, n in model["operators"].items()))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>{model['parameters']:,} parameters, {model['multiply_adds']:,} multiply-adds a frame; "
        f"compared with Keras on {files[0]['parity']['n']} frames.</p>{problems}"
        f"<table><tr><th></th>{head}</tr>{rows}</table><p>Operators: {operators}</p>"
        f"<p>{html.escape(', '.join(f'{name} {version}' for name, version in versions.items()))}</p></html>\n"
    )


def text_report(report: dict[str, Any]) -> str:
    """The report as lines for a terminal."""
    lines = []
    for file in report["files"]:
        parity = file["parity"]
        lines.append(
            f"{file['path']}: {file['bytes']:,} bytes, {file['latency_ms']:.3f} ms in {file['engine']}; posterior "
            f"error max {shown(parity['max_posterior_error'], '{:.1e}')} mean "
            f"{shown(parity['mean_posterior_error'], '{:.1e}')}, labels agree "
            f"{shown(parity['label_agreement'], '{:.2%}')} of "
            f"{parity['n_clear']}, AUC {shown(parity['auc_keras'], '{:.4f}')} -> "
            f"{shown(parity['auc'], '{:.4f}')}"
        )
    return "\n".join(lines)


def shown(value: Any, pattern: str) -> str:
    """A value as text, escaped; a dash when there is none."""
    return "-" if value is None else html.escape(pattern.format(value))
