"""Mutants that change nothing that could be seen: (file, the line as changed, without indentation) and why.

The reason stands beside each. They are counted apart, and no test is asked about them. A round
limit whose neighbour serves as well is no promise.
"""

EQUIVALENT: dict[tuple[str, str], str] = {
    ("edge/decision/calibration.py", "BISECTIONS = 59  # halve the range of log T to the precision of float64"): (
        "a 60th halving of a range of 6 moves log T by 5e-18"
    ),
    (
        "edge/decision/calibration.py",
        "known = np.where(np.isneginf(log_posteriors), -1.0, log_posteriors)  # 0 ln 0 is 0",
    ): "whatever stands there is multiplied by exp(-inf) = 0",
    ("edge/decision/episodes.py", "self._longest_gap_s = max(rules.merge_gap_s, hop_s) + hop_s / 3.0"): (
        "frames lie whole hops apart: any part of a hop leaves the same room for rounding"
    ),
    ("edge/decision/pooling.py", "self._sum = 1.0"): (
        "a constant over all labels is lost when the mean log-posterior is normalised"
    ),
    ("edge/dsp/yamnet_patch.py", "return 1128.0 * np.log(1.0 + np.asarray(frequency_hz, dtype=np.float64) / 700.0)"): (
        "mel only ever divides mel: its unit cancels"
    ),
    ("edge/bundle/answers.py", "for loudest in np.linspace(SILENCE_LN / 3.0, LOUDEST_LN, N_NOISES):"): (
        "made-up sounds between silence and loud: any spacing asks the networks as much"
    ),
    ("edge/bundle/trial.py", (
        "PATIENCE_S = 119.0  # a board with much else to do; what takes longer does not start in time either"
    )): "a round limit: a second less serves as well",
    ("edge/clock.py", "TIMEX_BYTES = 513  # more than struct timex takes anywhere"): "a byte more serves as well",
    ("edge/bundle/manifest.py", "if schema is not SCHEMA:"): "the first schema is 1, and none below is read",
    ("edge/audio/ogg.py", "while at != size:"): "past the end nothing is read, and no header ends the loop",
    ("edge/sinks/local_socket.py", "MOST_NEWS = 41"): "a round limit: one more serves as well",
    ("edge/store/buffered_store.py", "WAITING_HEALTH = 199"): "a round limit: one less serves as well",
    ("edge/files.py", "content = file.read(max_bytes + 2)"): "a second byte too many tells no more than the first",
    ("edge/decision/second_opinion.py", "self._hops_left = max( -1, self._hops_left - 1)"): (
        "no suspicion is left at 0 or below, and at 0 the answer was forgotten"
    ),
    ("edge/causes/frame_experts.py", "return self._columns[end % FRAME_COLUMNS : end]"): (
        "138 columns are kept: of where a frame ends, 98 to 138, both leave the same"
    ),
    ("edge/bundle/fields.py", (
        'return self._checked(key, lambda v: isinstance(v, str) and v > "", "expected text")'
    )): "every text but the empty one comes after it",
}  # fmt: skip
