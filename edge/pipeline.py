"""The path of the audio, top to bottom: a block of samples in; frames, alerts and events out."""

import math
from time import perf_counter

import numpy as np

from edge.bundle.detector import sigmoid
from edge.bundle.model import DETECTOR, VERIFIER
from edge.causes.expert_runner import KEPT_HOPS, ExpertRunner
from edge.causes.pre_roll import RecentSamples
from edge.config import load_settings
from edge.decision.episodes import EpisodeTracker
from edge.decision.gate import LevelGate
from edge.decision.left_out import LeftOut, NoAnswer
from edge.decision.rules import episode_rules
from edge.decision.second_opinion import SecondOpinion
from edge.dsp.high_pass import HighPass
from edge.dsp.log_mel import LOG_OFFSET, N_MELS, LogMelStream
from edge.frames import FRAME_COLUMNS, FRAME_HOP, FRAME_HOP_S, FRAME_HOPS, FRAME_LENGTH, FRAME_S, SAMPLE_RATE
from edge.infant.cry_embedding import CryEmbedding
from edge.records import Frame
from edge.timings import StageTimings

SILENCE_DBFS = -120.0  # what digital silence is reported as


class Pipeline(object):
    """One stream of 16 kHz mono float32 samples, analysed every 0.2 s over the newest second."""

    def __init__(self, bundle, settings=None, say=None, answered=None, utc=None):
        """bundle: edge.bundle.Bundle. settings: edge.config.Settings, or None for the defaults.

        say: of edge.decision.left_out.LeftOut: who is told when a model answers no number; None: the log.
        answered(t_s, logits) is called with what both networks answered to the frame that ended there, before fusion.
        utc: of edge.infant.cry_embedding.CryEmbedding.
        """
        self._settings = settings = settings or load_settings(None)
        self._answered = answered
        self.left_out = LeftOut(say)
        self._detector = bundle.detector
        self._gate = None
        if settings.gate.enabled:
            self._gate = LevelGate(settings.gate.margin_db, settings.gate.floor_dbfs, FRAME_HOP_S, FRAME_HOPS)
        self._episodes = EpisodeTracker(episode_rules(bundle.decision, settings.decision), FRAME_HOP_S, FRAME_S)
        self._recent = RecentSamples(KEPT_HOPS, FRAME_HOP)
        self._second_opinion = SecondOpinion(bundle.verifier, self._recent.newest) if bundle.verifier else None
        self._experts = ExpertRunner(bundle, self._recent, self._timed, self.left_out) if bundle.experts else None
        self._infant = CryEmbedding(bundle.infant, self._timed, self.left_out, utc) if bundle.infant else None
        self._high_pass = HighPass()
        self._log_mel = LogMelStream()
        self._frame = np.full((FRAME_COLUMNS, N_MELS), np.log(LOG_OFFSET), np.float32)
        self._own_frames = self._detector.stream()  # of a detector that looks at something else
        self._pending = np.zeros(0, np.float32)
        self._n_samples = 0  # analysed since the source began
        self.timings = StageTimings(settings.budget.frame_ms / 1000.0)

    @property
    def is_crying(self):
        """True while an episode is open."""
        return self._episodes.is_open

    def open_event(self):
        """What the open episode would be if it ended now, its cause not asked; None without one."""
        return self._episodes.open_event()

    def push(self, block):
        """Take a 1-D float32 block of any length; return the Frame, Alert and Event records it causes, in order."""
        samples = np.concatenate((self._pending, block)) if len(self._pending) else block
        n_hops = len(samples) // FRAME_HOP
        records = []
        for hop in range(n_hops):
            records += self._hop(samples[hop * FRAME_HOP : (hop + 1) * FRAME_HOP])
        self._pending = np.array(samples[n_hops * FRAME_HOP :], np.float32)
        return records

    def finish(self):
        """The source has ended: pad what is shorter than one frame to one, and close an open episode."""
        records = []
        missing = FRAME_LENGTH - self._n_samples - len(self._pending)
        if missing > 0 and self._n_samples + len(self._pending) > 0:
            records += self.push(np.full(missing, self._high_pass.offset, np.float32))
        changes = self._episodes.finish()
        changes = self._infant.finish(changes) if self._infant else changes
        return records + (self._experts.finish(changes) if self._experts else changes)

    def _hop(self, samples):
        """One hop of 0.2 s: every stage, once."""
        started = perf_counter()
        self._n_samples += FRAME_HOP
        t_s = self._n_samples / float(SAMPLE_RATE)
        samples = self._high_pass.push(samples)
        level_dbfs = power_dbfs(self._high_pass.power)
        high_pass_done = self._timed("high_pass", started)

        self._log_mel.push_into(self._frame, samples)
        log_mel_done = self._timed("log_mel", high_pass_done)
        self._recent.push(samples)
        if self._own_frames is not None:
            self._own_frames.push(samples)
            log_mel_done = self._timed("own_feature", log_mel_done)

        heard = self._gate is None or self._gate.update(power_dbfs(self._log_mel.cry_power))
        gate_done = self._timed("gate", log_mel_done)
        if self._n_samples < FRAME_LENGTH:
            return []

        listen = heard or self._episodes.is_open
        detector_probability, probability, asked = self._listen(gate_done) if listen else self._pass_over()

        episodes_begin = perf_counter()
        changes = self._episodes.update(t_s, probability)
        episodes_done = self._timed("episodes", episodes_begin)
        if self._infant:
            changes = self._infant.follow(changes, self._episodes, self._frame, episodes_done, rest=asked)
        if self._experts:
            changes = self._experts.follow(changes, self._episodes, rest=asked)
        self.timings.frame_done(perf_counter() - started)
        return [
            Frame(
                t_s=t_s,
                level_dbfs=level_dbfs,
                cry_probability=self._episodes.smoothed if listen else 0.0,
                gated=not listen,
                detector_probability=detector_probability,
                verified=self._second_opinion is not None and self._second_opinion.is_verified,
            )
        ] + changes

    def _listen(self, started):
        """(the detector's probability, that of all that was asked, whether the verifier was) of the newest frame."""
        frame = self._frame if self._own_frames is None else self._own_frames.frame
        logit = self._detector.calibrated_logit(frame)
        detector_done = self._timed("detector", started)
        if not math.isfinite(logit):
            self.left_out.add(DETECTOR, "no cry is heard until it answers again")
            return self._pass_over()
        if self.left_out.reasons:
            self.left_out.remove(DETECTOR)
        detector_probability = sigmoid(logit)
        if self._second_opinion is None:
            return detector_probability, detector_probability, False
        try:
            probability = self._second_opinion.probability(logit, self._episodes.is_open)
        except NoAnswer:
            self._decide_alone()
            return detector_probability, detector_probability, True
        asked = self._second_opinion.was_asked
        if asked:
            self._timed("verifier", detector_done)
            if self._answered:
                logits = [logit] + self._second_opinion.answer.tolist()
                self._answered(self._n_samples / float(SAMPLE_RATE), logits)
        return detector_probability, probability, asked

    def _decide_alone(self):
        """The verifier answers no number: from here on the detector's thresholds hold."""
        self.left_out.add(VERIFIER, "the detector decides alone until the next start")
        self._second_opinion = None
        self._episodes.change_rules(episode_rules(self._detector.decision, self._settings.decision))

    def _pass_over(self):
        """The same of a frame that is too quiet for anybody to be asked."""
        self._detector.forget()
        if self._second_opinion:
            self._second_opinion.pass_over()
        return 0.0, 0.0, False

    def _timed(self, stage, started):
        now = perf_counter()
        self.timings.add(stage, now - started)
        return now


def power_dbfs(mean_square):
    """A mean square in dB relative to 1, at least SILENCE_DBFS."""
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square)) if mean_square > 0.0 else SILENCE_DBFS
