"""What a cry is like: the bundle's experts at work while an episode is open, and what they say of it in the end.

    experts_at_work.py  an episode's samples -> readings of every expert
    recent.py           the samples that an episode began with
    fused_experts.py    samples -> fused columns -> steps of the experts that take them
    frame_experts.py    samples -> log-mel columns -> frames -> denoiser -> the experts that look at them
    pooled.py           one expert's readings, up to where the episode ends
    verdict.py          pooled readings -> energy, fusion, uncertain rule -> the event's cause

Depends on edge.dsp, edge.decision and edge.records; the experts are edge.bundle's.
"""
