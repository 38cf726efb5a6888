"""Batches for the detector: frames of cries and of everything else, mixed, band-limited and turned up or down.

Works on mel energies. What a class could be recognised by without being a cry (level, bandwidth, codec, room, noise
floor) is drawn from the same distributions for every class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from edge.dsp.log_mel import LOG_OFFSET, N_MELS, band_centres_hz
from edge.frames import FRAME_COLUMNS, FRAME_HOP_COLUMNS
from training.data.corpora import CRY, NONCRY, UNVERIFIED
from training.data.spectra import mix_energies, normalise, random_eq, spec_augment
from training.detector.material import VARIANTS, Bank

SNR_RANGE_DB = (-5.0, 20.0)
LEVEL_RANGE = (-9.0, 7.0)  # ln of a frame's mean mel energy: about -65 to 0 dBFS for broadband sound
MICROPHONE_NOISE_BELOW = (3.0, 9.0)  # nats below the frame's mean: 13 to 39 dB
ACTIVE_RANGE_NATS = 4.0  # a column within 17 dB of a clip's loud ones is sound, the rest is pause
OVERHANG_COLUMNS = 60  # of a frame at the most lie outside its clip: an alert should not wait for a whole second
FULL_CRY_SHARE = 0.25  # of a frame's columns: with so much sound in it a cry clip's frame is fully its label's
CRY_TARGET, NOT_CRY_TARGET = 0.97, 0.01
LABEL_WEIGHT = 0.3  # in a cry clip's frame; the rest is what the adapted teacher hears
NOT_CRY_TEACHER_WEIGHT = 0.15  # the label is sure: the teacher only says which sounds are near to a cry

MIX_PROBABILITY = {CRY: 0.65, NONCRY: 0.4}
BAND_LIMIT_PROBABILITY = 0.5
CUTOFF_RANGE_HZ = (3000.0, 7000.0)
EQ_KNOTS, TILT_NATS = 4, 1.2
TEMPO_RANGE = 0.25  # nats: from 0.78 to 1.28 times as fast
PITCH_RANGE_BANDS = 3.0  # mel bands up or down: about a quarter of an octave and more for low voices
MASK_PROBABILITY = 0.6
MASK_COLUMNS, MASK_BANDS = 24, 12  # at most so many are blanked

SCORE_FLOOR = 1e-3  # a teacher's score is no surer than that
TEACHER_REGULARISATION = 1e-3  # scikit-learn's C

NEGATIVE_SHARES = {  # of what is not crying, by corpus
    "esc50": 0.57,
    "ravdess_sub": 0.13,
    "speechocean_sub": 0.11,
    "fsdd": 0.03,
    "home_negatives": 0.03,
    "synthetic": 0.13,
}
OTHER_SHARE = 0.03
SHARE_CRY, SHARE_UNVERIFIED = 0.38, 0.07  # of a batch; the rest is not crying


@dataclass
class Batch:
    """frames: (n, 98, 64, 1) float32 normalised; cry: (n, 1); teacher: (n, 521) or None; weights: (n,)."""

    frames: np.ndarray
    cry: np.ndarray
    teacher: np.ndarray | None


class Sampler:
    """Draws batches from a bank; `clip_weights` of the negatives follow the mined hardness."""

    def __init__(self, bank: Bank, adapted: np.ndarray | None, seed: int):
        """adapted: the adapted teacher's p(cry) of each window, (windows,), or None without a teacher."""
        self.bank = bank
        self.adapted = adapted
        self.rng = np.random.default_rng(seed)
        kinds = np.array([clip.detector_label for clip in bank.clips])
        self.cry = np.flatnonzero(kinds == CRY)
        self.unverified = np.flatnonzero(kinds == UNVERIFIED)
        self.negative = np.flatnonzero(kinds == NONCRY)
        self.prior_weight = prior_weights(bank)
        self.hardness = np.ones(len(bank.clips))
        self.activity = column_activity(bank)

    def mine(self, largest_probability: np.ndarray) -> None:
        """Draw negatives more often the more they are taken for a cry; largest_probability: (clips,)."""
        self.hardness = 0.3 + 6.0 * largest_probability

    def batch(self, size: int) -> Batch:
        """A batch of `size` frames in random order."""
        n_cry, n_unverified = int(size * SHARE_CRY), int(size * SHARE_UNVERIFIED) if len(self.unverified) else 0
        clips = np.concatenate(
            [
                self._draw(self.cry, n_cry),
                self._draw(self.unverified, n_unverified),
                self._draw(self.negative, size - n_cry - n_unverified),
            ]
        )
        energies, cry, teacher = self._frames(clips)
        energies, teacher = self._mix(clips, energies, cry, teacher)
        energies = self._random_eq(energies)
        frames = normalise(self._level(energies))
        frames = spec_augment(frames, MASK_COLUMNS, MASK_BANDS, self.rng, share=MASK_PROBABILITY)
        return Batch(frames[..., None], cry[:, None].astype(np.float32), teacher)

    def _draw(self, among: np.ndarray, n: int) -> np.ndarray:
        if n == 0:
            return among[:0]
        weights = self.prior_weight[among] * self.hardness[among]
        return self.rng.choice(among, n, p=weights / weights.sum())

    def _frames(self, clips: np.ndarray) -> Any:
        """Energies (n, 98, 64), cry targets (n,) and teacher scores (n, 521) of one random frame of each clip.

        Each is played faster or slower and its spectrum moved up or down: of no sound are there recordings enough.
        """
        bank, rng = self.bank, self.rng
        length = bank.n_columns[clips]
        tempo = np.exp(rng.uniform(-TEMPO_RANGE, TEMPO_RANGE, len(clips)))
        span = FRAME_COLUMNS * tempo
        overhang = np.minimum(length // 3, OVERHANG_COLUMNS)  # a frame may begin before its clip or end after it
        start = np.floor(rng.uniform(-overhang, np.maximum(length - span + overhang, 1 - overhang)))
        columns = np.floor(start[:, None] + np.arange(FRAME_COLUMNS) * tempo[:, None]).astype(int)
        inside = (columns >= 0) & (columns < length[:, None])
        index = bank.first_column[clips][:, None] + np.clip(columns, 0, length[:, None] - 1)
        variant = rng.integers(0, len(VARIANTS), len(clips))
        energies = np.empty((len(clips), FRAME_COLUMNS, N_MELS), np.float32)
        for number, name in enumerate(VARIANTS):
            rows = variant == number
            energies[rows] = np.exp(bank.log_energies[name][index[rows]].astype(np.float32))
        energies *= np.where(inside, 1.0, 1e-4)[..., None]
        energies = moved_bands(energies, rng.uniform(-PITCH_RANGE_BANDS, PITCH_RANGE_BANDS, len(clips)))
        middle = start + (span - FRAME_COLUMNS) / 2  # where a window of the frame's length has the same centre
        windows = np.clip(np.round(middle / FRAME_HOP_COLUMNS).astype(int), 0, bank.n_windows[clips] - 1)
        window = bank.first_window[clips] + windows
        teacher = None if bank.teacher is None else bank.teacher[window].astype(np.float32)
        active = np.minimum(1.0, (self.activity[index] & inside).mean(axis=1) / FULL_CRY_SHARE)
        heard = active if self.adapted is None else self.adapted[window]
        return energies, self._target(clips, active, heard), teacher

    def _target(self, clips: np.ndarray, active: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """How much a cry each frame is: its clip's label where it sounds, softened by what the teacher hears."""
        cry = CRY_TARGET * (LABEL_WEIGHT * active + (1 - LABEL_WEIGHT) * heard)
        not_cry = NOT_CRY_TARGET + NOT_CRY_TEACHER_WEIGHT * heard
        kind = np.array([self.bank.clips[clip].detector_label for clip in clips])
        return np.select([kind == CRY, kind == NONCRY], [cry, not_cry], CRY_TARGET * heard)

    def _mix(self, clips: Any, energies: Any, cry: Any, teacher: Any) -> Any:
        """Add another recording (never a cry) under some of the frames."""
        rng, n = self.rng, len(clips)
        is_negative = np.isin(clips, self.negative)
        chosen = rng.random(n) < np.where(is_negative, MIX_PROBABILITY[NONCRY], MIX_PROBABILITY[CRY])
        rows = np.flatnonzero(chosen)
        noise, _, noise_teacher = self._frames(self._draw(self.negative, len(rows)))
        snr_db = rng.uniform(*SNR_RANGE_DB, len(rows))
        energies[rows] = mix_energies(energies[rows], noise, snr_db)
        if teacher is not None:
            teacher[rows] = np.maximum(
                teacher[rows] * (snr_db > -3)[:, None], noise_teacher * np.clip((10 - snr_db) / 10, 0, 1)[:, None]
            )
        return energies, teacher

    def _random_eq(self, energies: np.ndarray) -> np.ndarray:
        """A smooth tilt and ripple over frequency, and for half of the frames a low-pass."""
        rng, n = self.rng, len(energies)
        curve = random_eq(rng.normal(0.0, TILT_NATS, (n, EQ_KNOTS)), N_MELS)
        cutoff_hz = np.where(rng.random(n) < BAND_LIMIT_PROBABILITY, rng.uniform(*CUTOFF_RANGE_HZ, n), 1e5)
        steepness = rng.uniform(0.004, 0.04, n)[:, None]  # nats per Hz
        curve -= np.clip((band_centres_hz() - cutoff_hz[:, None]) * steepness, 0.0, 14.0)
        return energies * np.exp(curve).astype(np.float32)[:, None, :]

    def _level(self, energies: np.ndarray) -> np.ndarray:
        """Turn each frame to a random level, over a random microphone noise; returns log-mel."""
        rng, n = self.rng, len(energies)
        mean = energies.mean(axis=(1, 2)) + 1e-12
        level = rng.uniform(*LEVEL_RANGE, n)
        noise = np.exp(level - rng.uniform(*MICROPHONE_NOISE_BELOW, n))
        noise = noise * (rng.random(n) < 0.5)
        gain = (np.exp(level) / mean).astype(np.float32)[:, None, None]
        speckle = rng.standard_exponential(energies.shape, dtype=np.float32)
        return np.log(energies * gain + noise.astype(np.float32)[:, None, None] * speckle + LOG_OFFSET)


def moved_bands(energies: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Energies (n, 98, 64) with each frame's spectrum moved up by its number of bands (n,), whole or not."""
    position = np.clip(np.arange(N_MELS) - bands[:, None], 0, N_MELS - 1)
    low = np.minimum(position.astype(int), N_MELS - 2)
    part = (position - low).astype(np.float32)
    moved = np.empty_like(energies)
    for row, frame in enumerate(energies):
        below, above = frame.take(low[row], axis=1), frame.take(low[row] + 1, axis=1)
        moved[row] = below + part[row] * (above - below)
    return moved


def prior_weights(bank: Bank) -> np.ndarray:
    """Weight of each clip so that corpora and classes, not their sizes, decide what is drawn; (clips,)."""
    negative_sizes: dict[str, int] = {}
    for clip in bank.clips:
        if clip.detector_label == NONCRY:
            negative_sizes[clip.corpus] = negative_sizes.get(clip.corpus, 0) + 1
    cry_sizes: dict[tuple[str, str], int] = {}
    for clip in bank.clips:
        cry_sizes[clip.corpus, clip.group_id] = cry_sizes.get((clip.corpus, clip.group_id), 0) + 1
    weights = np.ones(len(bank.clips))
    for i, clip in enumerate(bank.clips):
        if clip.detector_label == NONCRY:
            weights[i] = NEGATIVE_SHARES.get(clip.corpus, OTHER_SHARE) / negative_sizes[clip.corpus]
        else:
            # The few full-band cries count for more; a parent who recorded often counts for less.
            full_band = {"esc50": 4.0, "synthetic": 0.3}.get(clip.corpus, 1.0)
            weights[i] = full_band / np.sqrt(cry_sizes[clip.corpus, clip.group_id])
    return weights


def column_activity(bank: Bank) -> np.ndarray:
    """active_columns of every clip, (columns,) bool over the whole bank."""
    active = np.zeros(len(bank.log_energies["clean"]), bool)
    for first, length in zip(bank.first_column, bank.n_columns):
        active[first : first + length] = active_columns(bank.log_energies["clean"][first : first + length])
    return active


def adapt_teacher(bank: Bank) -> np.ndarray | None:
    """p(cry) of every window from the teacher's 521 scores: a logistic regression on the bank's own labels.

    Returns (windows,) float32 over the whole bank's windows, only those of its clips filled; None without a teacher.
    """
    if bank.teacher is None:
        return None
    scores = bank.teacher.astype(np.float32)
    evidence = np.log(scores + SCORE_FLOOR) - np.log(1 - scores + SCORE_FLOOR)
    windows = [np.arange(first, first + n) for first, n in zip(bank.first_window, bank.n_windows)]
    kind = np.repeat([clip.detector_label for clip in bank.clips], bank.n_windows)
    active = np.concatenate([window_activity(bank, i) for i in range(len(bank.clips))])
    every = np.concatenate(windows)
    labelled = (kind == NONCRY) | ((kind == CRY) & (active >= FULL_CRY_SHARE))
    model = LogisticRegression(C=TEACHER_REGULARISATION, max_iter=300)
    model.fit(evidence[every[labelled]], kind[labelled] == CRY)
    adapted = np.zeros(len(scores), np.float32)
    adapted[every] = model.predict_proba(evidence[every])[:, 1]
    return adapted


def window_activity(bank: Bank, clip: int) -> np.ndarray:
    """Share of sounding columns in each 0.2-s-grid window of one clip, (windows,)."""
    first, n_columns, n_windows = bank.first_column[clip], bank.n_columns[clip], bank.n_windows[clip]
    active = active_columns(bank.log_energies["clean"][first : first + n_columns])
    starts = np.arange(n_windows) * FRAME_HOP_COLUMNS
    return np.array([active[s : s + FRAME_COLUMNS].sum() / FRAME_COLUMNS for s in starts])


def active_columns(log_energies: np.ndarray) -> np.ndarray:
    """Where one clip sounds: columns within ACTIVE_RANGE_NATS of its 95th percentile; (columns,) bool."""
    loudest_band = log_energies.max(axis=1).astype(np.float32)
    return loudest_band > np.percentile(loudest_band, 95) - ACTIVE_RANGE_NATS
