"""report.json and report.html: what was exported and what precision cost."""

from collections.abc import Sequence
from typing import Any

from edge.report.page import heading, page, paragraph, table
from edge.report.svg import scatter

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
TRAINED_ON = " The model may have been trained on them: what an AUC changes by counts here, not its height."
ROWS = (
    ("precision", "precision", "{}"),
    ("engine", "engine", "{}"),
    ("bytes", "size, bytes", "{:,}"),
    ("latency_ms", "latency here, ms", "{:.3f}"),
    ("max_logit_error", "largest logit error", "{:.2e}"),
    ("p99_logit_error", "99th percentile of it", "{:.2e}"),
    ("mean_logit_error", "mean logit error", "{:.2e}"),
    ("max_posterior_error", "largest posterior error", "{:.2e}"),
    ("file_beside_double", "beside the model in double precision", "{:.2e}"),
    ("model_beside_double", "of the model itself beside that", "{:.2e}"),
    ("p99_posterior_error", "99th percentile of it", "{:.2e}"),
    ("mean_posterior_error", "mean posterior error", "{:.2e}"),
    ("label_agreement", "label agreement, clear frames", "{:.2%}"),
    ("auc", "AUC", "{}"),
    ("balanced_accuracy", "balanced accuracy", "{}"),
    ("flips", "decisions near the threshold that flip", "{:.2%}"),
    ("recall", "recall at 5 % false positives", "{}"),
    ("energy_auc", "AUC of the energy score, cries against other sounds", "{}"),
    ("ece_keras_raw", "calibration error, the model at temperature 1", "{:.4f}"),
    ("ece_keras", "calibration error, the model at its temperature", "{:.4f}"),
    ("ece", "calibration error, file", "{:.4f}"),
    ("max_error", "largest error of a normalised band", "{:.2e}"),
    ("p99_error", "99th percentile of it", "{:.2e}"),
    ("mean_error", "mean error", "{:.2e}"),
    ("distance_db", "log-spectral distance from the model, dB", "{:.3f}"),
    ("max_distance_db", "of the worst frame, dB", "{:.3f}"),
    ("keras_gain_db", "by how much the model brings noisy frames nearer to clean ones, dB", "{:.2f}"),
    ("gain_db", "by how much the file does, dB", "{:.2f}"),
    ("max_score_error", "largest error of a score between two frames", "{:.2e}"),
    ("p99_score_error", "99th percentile of it", "{:.2e}"),
    ("mean_score_error", "mean error", "{:.2e}"),
    ("mean_cosine", "cosine of a frame's direction with that of Keras", "{:.4f}"),
    ("min_cosine", "of the worst frame", "{:.4f}"),
)
CHAIN_ROWS = [
    row
    for row in ROWS
    if row[0] in ("max_logit_error", "max_posterior_error", "mean_posterior_error", "label_agreement", "energy_auc")
]


def html_report(report: dict[str, Any]) -> str:
    """The report as one self-contained page."""
    first = report["models"][0]
    parts = [
        paragraph(f"{file['path']}: {'; '.join(file['violations'])}", "bad")
        for file in report["files"]
        if file["violations"]
    ]
    parts += [paragraph(text) for text in (*report["warnings"], *report["notes"])]
    for model in report["models"]:
        parts += model_section(model, [file for file in report["files"] if file["model"] == model["title"]])
    parts.append(paragraph(", ".join(f"{name} {version}" for name, version in report["versions"].items())))
    return page(f"{first['name']} {first['version']} for {report['target']}", parts)


def model_section(model: dict[str, Any], files: list[dict[str, Any]]) -> list[str]:
    """What the page says of one model and its files."""
    compared = [file for file in files if "parity" in file]
    parity = compared[0]["parity"]
    parts = [
        heading(": ".join([model["title"], *filter(None, [", ".join(model["labels"])])])),
        paragraph(
            f"{model['parameters']:,} parameters, {model['multiply_adds']:,} multiply-adds a run, "
            f"{model['multiply_adds_per_hop']:,} a hop of 0.2 s; compared with the {model['origin']} model on "
            f"{parity['n']} frames of "
            f"{model['calibration']['parity']['groups']} groups, from which neither int8 ranges nor temperature were "
            f"taken.{TRAINED_ON if parity.get('auc') else ''}"
        ),
        comparison_table(compared, "parity", ROWS),
    ]
    if "behind_denoiser" in compared[0]:
        parts.append(paragraph("Behind the exported denoiser:"))
        parts.append(comparison_table(compared, "behind_denoiser", CHAIN_ROWS))
    parts.append(paragraph(temperature_line(model["temperature"])))
    parts += [
        paragraph(f"{file['path']}: {file['bytes']:,} bytes, {file['kind']}") for file in files if "parity" not in file
    ]
    parts.append(paragraph("Operators: " + ", ".join(f"{name} {n}" for name, n in model["operators"].items())))
    parts += layers_section(model.get("layers", []))
    for file in compared:
        plot = scatter(file["errors"], "output of the model", "error of the file")
        parts += [heading(file["path"], 3), plot, worst_table(file["worst"])]
    return parts


def layers_section(layers: list[dict[str, Any]]) -> list[str]:
    """What each layer costs when it alone is lowered; nothing where that was not asked."""
    if not layers:
        return []
    rows = [
        [one["layer"], f"{one['parameters']:,}", *(shown(one[key], "{:.1e}") for key in ("int8_error", "fp16_error"))]
        for one in layers
    ]
    title = heading("Layers, by the mean error of the output when one alone is lowered", 3)
    return [title, table(["layer", "parameters", "to int8", "to FP16"], rows)]


def comparison_table(compared: list[dict[str, Any]], key: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """One column per file, of what stands under `key` and of what is known of the file itself."""
    flat = [{**file, **file[key], **off_from_double(file)} for file in compared]
    return table(
        ["", *(file["path"] for file in compared)],
        [
            [label, *(shown(file.get(name), pattern) for file in flat)]
            for name, label, pattern in rows
            if any(file.get(name) is not None for file in flat)
        ],
    )


def off_from_double(file: dict[str, Any]) -> dict[str, float]:
    """Largest posterior errors beside the model in double precision, where that was asked."""
    return {f"{name}_beside_double": error for name, error in file.get("beside_double_precision", {}).items()}


def worst_table(worst: list[dict[str, Any]]) -> str:
    """The frames that moved most."""
    for key, by in (("distance_db", "by dB"), ("score_error", "its scores by")):
        if worst and key in worst[0]:
            rows = [[row["clip"], row["condition"], shown(row[key], "{:.3f}")] for row in worst]
            return table(["frame that moved most", "condition", by], rows)
    rows = [
        [
            row["clip"],
            row["condition"],
            label_text(row["label"]),
            shown(row["keras"], "{:.4f}"),
            shown(row["file"], "{:.4f}"),
        ]
        for row in worst
    ]
    return table(["frame that moved most", "condition", "label", "p, model", "p, file"], rows)


def label_text(label: bool | str) -> str:
    """Whether it is a cry, or the label that Keras finds likeliest."""
    return label if isinstance(label, str) else "cry" if label else "no cry"


def temperature_line(temperature: dict[str, Any]) -> str:
    """What the temperature is and what it does on the part it may be fitted on; nothing where there is none."""
    if temperature["value"] is None:
        return ""
    origin = "fitted" if temperature["fitted"] else "given by the model"
    if temperature["ece_after"] is None:
        return f"Temperature {temperature['value']:g}, {origin}."
    return (
        f"Temperature {temperature['value']:g}, {origin}; calibration error on the temperature part "
        f"{shown(temperature['ece_before'], '{:.4f}')} -> {shown(temperature['ece_after'], '{:.4f}')}."
    )


def text_report(report: dict[str, Any]) -> str:
    """The report as lines for a terminal."""
    lines = []
    for file in report["files"]:
        if "parity" not in file:
            lines.append(f"{file['path']}: {file['bytes']:,} bytes")
            continue
        lines.append(
            f"{file['path']}: {file['bytes']:,} bytes, {file['latency_ms']:.3f} ms in {file['engine']}; "
            f"{parity_text(file['parity'])}"
        )
        if "behind_denoiser" in file:
            lines.append(f"  behind the exported denoiser: {parity_text(file['behind_denoiser'])}")
    for model in report["models"]:
        lines.append(
            f"{model['title']}: {model['multiply_adds_per_hop']:,} multiply-adds a hop. "
            f"{temperature_line(model['temperature'])}".rstrip()
        )
        costly = [f"{one['layer']} {one['int8_error']:.1e}" for one in model.get("layers", [])[:3] if one["int8_error"]]
        if costly:
            lines.append(f"{model['title']}: int8 alone costs most in {', '.join(costly)} (mean error of the output).")
    return "\n".join([*lines, *report["notes"]])


def parity_text(parity: dict[str, Any]) -> str:
    """How far a file is from Keras, in a line."""
    if "distance_db" in parity:
        return (
            f"error max {shown(parity['max_error'], '{:.1e}')} mean {shown(parity['mean_error'], '{:.1e}')}, "
            f"{shown(parity['distance_db'], '{:.3f}')} dB from the model, noisy frames come "
            f"{shown(parity['gain_db'], '{:.2f}')} dB nearer to clean ones, with the model "
            f"{shown(parity['keras_gain_db'], '{:.2f}')} dB"
        )
    if "max_score_error" in parity:
        return (
            f"score error max {shown(parity['max_score_error'], '{:.1e}')} mean "
            f"{shown(parity['mean_score_error'], '{:.1e}')}, directions within a cosine of "
            f"{shown(parity['min_cosine'], '{:.4f}')}"
        )
    name, found = ("energy AUC", parity["energy_auc"]) if parity["energy_auc"] else ("AUC", parity["auc"])
    return (
        f"posterior error max {shown(parity['max_posterior_error'], '{:.1e}')} mean "
        f"{shown(parity['mean_posterior_error'], '{:.1e}')}, labels agree "
        f"{shown(parity['label_agreement'], '{:.2%}')} of {parity['n_clear']}, {name} {shown(found, '{}')}"
    )


def shown(value: Any, pattern: str) -> str:
    """A value as text; a dash when there is none."""
    if isinstance(value, dict):
        return change_text(value)
    return "-" if value is None else pattern.format(value)


def change_text(metric: dict[str, Any]) -> str:
    """A metric of Keras and of the file, with the change in points and its 95 % interval."""
    if metric["points"] is None:
        return "-"
    return "{keras:.4f} to {file:.4f} ({points:+.2f} points, 95 % {low:+.2f} to {high:+.2f})".format(**metric)
