"""Which thresholds hold: the bundle's, by sensitivity, unless the configuration names its own."""

from edge.decision.episodes import EpisodeRules
from edge.frames import FRAME_HOP_S

NEVER = 1.0  # a lasting threshold that no mean reaches
KEYS = ("open_threshold", "close_threshold", "lasting_threshold")


def bundle_thresholds(decision, sensitivity):
    """The thresholds of a bundle for a sensitivity: its own ones where it knows no others.

    decision: edge.bundle.model.Decision. sensitivity: "low", "normal" or "high".
    """
    named = decision.sensitivities.get(sensitivity)
    return named.thresholds if named else decision.thresholds


def episode_rules(decision, settings):
    """EpisodeRules from a bundle's Decision and the [decision] settings; thresholds of 0 there are the bundle's."""
    bundle = bundle_thresholds(decision, settings.sensitivity)
    open_threshold = settings.open_threshold or bundle.open_threshold
    return EpisodeRules(
        open_threshold=open_threshold,
        close_threshold=min(open_threshold, settings.close_threshold or bundle.close_threshold),
        lasting_threshold=settings.lasting_threshold or bundle.lasting_threshold or NEVER,
        lasting_frames=int(round(settings.lasting_s / FRAME_HOP_S)),
        min_event_s=settings.min_event_s,
        merge_gap_s=settings.merge_gap_s,
        smoothing_frames=settings.smoothing_frames,
    )


def differences(decision, settings):
    """Lines that say where the [decision] settings are not the bundle's own; [] where they are."""
    lines = [decision.tuned] if decision.tuned else []
    if not decision.tuned and settings.sensitivity != "normal" and settings.sensitivity not in decision.sensitivities:
        lines.append(
            "decision.sensitivity = {}: this bundle knows no other than normal, which is used".format(
                settings.sensitivity
            )
        )
    bundle = bundle_thresholds(decision, settings.sensitivity)
    whose = "this home's" if decision.tuned else "the bundle's own"
    for key in KEYS:
        ours, its = getattr(settings, key), getattr(bundle, key) or NEVER
        if ours and ours != its:
            lines.append("decision.{} = {:g}, where {} is {:g}".format(key, ours, whose, its))
    return lines
