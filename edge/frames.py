"""What is counted in samples, hops, columns and frames: every number once, with its unit, derived from the others.

The detector looks at one second, a frame, each time that a hop of 0.2 s has come. A frame is looked at in columns of
25 ms, one each 10 ms (edge.dsp.log_mel); only those of the new hop are computed.
"""

SAMPLE_RATE = 16000  # Hz: of everything behind the sources

FRAMES_PER_S = 5
FRAME_LENGTH = SAMPLE_RATE  # samples: 1 s
FRAME_S = FRAME_LENGTH / float(SAMPLE_RATE)
FRAME_HOP = SAMPLE_RATE // FRAMES_PER_S  # samples: 3200, from one frame to the next
FRAME_HOP_S = FRAME_HOP / float(SAMPLE_RATE)  # 0.2
FRAME_HOPS = FRAME_LENGTH // FRAME_HOP  # 5 in a frame

COLUMN_LENGTH = SAMPLE_RATE * 25 // 1000  # samples: 400
COLUMN_HOP = SAMPLE_RATE * 10 // 1000  # samples: 160
FRAME_COLUMNS = 1 + (FRAME_LENGTH - COLUMN_LENGTH) // COLUMN_HOP  # 98
FRAME_HOP_COLUMNS = FRAME_HOP // COLUMN_HOP  # 20: new ones in a hop
