"""A small PyTorch network on MFCCs of its own, trained for some seconds on made-up nights."""

import numpy as np
import torch
from torch import nn

from edge.dsp.frame_features import MFCC as FEATURE
from edge.dsp.frame_features import FrameStream
from edge.frames import FRAME_HOP, FRAME_LENGTH, SAMPLE_RATE
from edge.synthesis import nursery_night

MFCC = {
    "sample_rate": 16000,
    "window": "hann",
    "window_length": 512,
    "hop_length": 256,
    "n_fft": 512,
    "n_mels": 40,
    "mel_low_hz": 50.0,
    "mel_high_hz": 8000.0,
    "log_offset": 1e-6,
    "n_mfcc": 20,
    "frame_columns": 60,
}
MEAN, DEVIATION = [-50.0] + [0.0] * 19, [20.0] + [5.0] * 19  # of each coefficient, as the device applies them
NIGHTS, NIGHT_S = 4, 240.0


def frames_of(night):
    """(frames (N, 1, 20, 60), whether each is a cry): one each hop; half filled ones are left out."""
    stream = FrameStream(FEATURE, MFCC)
    frames, labels = [], []
    for first in range(0, len(night.samples) - FRAME_HOP, FRAME_HOP):
        frame = stream.push(night.samples[first : first + FRAME_HOP])
        end_s = (first + FRAME_HOP) / SAMPLE_RATE
        begin_s = end_s - FRAME_LENGTH / SAMPLE_RATE
        cries = [segment for segment in night.truth if segment.kind == "cry"]
        cried_s = sum(max(0.0, min(end_s, cry.end_s) - max(begin_s, cry.start_s)) for cry in cries)
        if begin_s >= 0.0 and (cried_s == 0.0 or cried_s >= 0.9):
            frames.append(((frame - np.float32(MEAN)) / np.float32(DEVIATION)).T[None])
            labels.append(int(cried_s > 0.0))
    return np.array(frames, np.float32), np.array(labels)


def trained_network():
    """(the network, an example of what it takes)."""
    torch.manual_seed(0)
    nights = [frames_of(nursery_night(NIGHT_S, seed)) for seed in range(20, 20 + NIGHTS)]
    frames, labels = (torch.tensor(np.concatenate(parts)) for parts in zip(*nights))
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.GELU()),
        *(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.GELU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2)),
    )
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    weights = 1.0 / torch.bincount(labels).float()
    for _ in range(6):
        for chosen in torch.randperm(len(labels)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(frames[chosen]), labels[chosen], weights / weights.sum()).backward()
            optimiser.step()
    print(f"{sum(p.numel() for p in network.parameters())} parameters, trained on {len(labels)} made-up frames")
    return network, frames[:1]
