"""Draw docs/masking.png, the picture of the README: python docs/masking.py"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from dlm_course import AbsorbingTransition, Schedule, plotting
from dlm_course.data import CharTokenizer

SENTENCE = "structure is not in the noise; it is learned by the reverse model."

plotting.set_theme()
tokenizer = CharTokenizer.from_text(SENTENCE)
x0 = tokenizer.encode(SENTENCE)
chain = AbsorbingTransition(tokenizer.num_states, Schedule.linear(4), mask_id=tokenizer.mask_id)
path = chain.sample_path(x0, generator=torch.Generator().manual_seed(4))

fig, ax = plt.subplots(figsize=(9.5, 2.1))
for t, states in enumerate(path):
    ax.text(-1.5, -t, f"λ = {float(chain.schedule.mask_rate(t)):.2f}", ha="right", va="center", size=9)
    for place, state in enumerate(states):
        masked = state == chain.mask_id
        ax.add_patch(plt.Rectangle((place - 0.45, -t - 0.4), 0.9, 0.8, lw=0,
                                   color=plotting.COLOURS["absorbing"] if masked else "0.95"))
        if not masked:
            ax.text(place, -t, SENTENCE[place], ha="center", va="center", family="monospace", size=9)
ax.annotate("the chain masks", (len(SENTENCE) + 0.5, -4.4), (len(SENTENCE) + 0.5, 0.4), size=8, rotation=90,
            va="top", ha="center", arrowprops={"arrowstyle": "->", "color": "0.4"})
ax.annotate("the model fills in", (len(SENTENCE) + 3, 0.4), (len(SENTENCE) + 3, -4.4), size=8, rotation=90,
            va="bottom", ha="center", arrowprops={"arrowstyle": "->", "color": "0.4"})
ax.set(xlim=(-7, len(SENTENCE) + 4), ylim=(-4.6, 0.6))
ax.axis("off")
fig.savefig(Path(__file__).with_suffix(".png"), dpi=110)
